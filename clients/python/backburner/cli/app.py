"""The root of the command line: options that every command shares, and the list of commands."""

from importlib.metadata import entry_points
from typing import Annotated

import typer

from backburner._async.client import DEFAULT_URL
from backburner.cli import (
    approvals,
    callbacks,
    channels,
    doctor,
    documents,
    endpoints,
    jobs,
    schedules,
    submit,
)
from backburner.cli.connection import Address

COMMANDS = "backburner.commands"
"""Entry points of other packages that add commands: functions that take the `typer.Typer`."""

_EPILOG = (
    "Exit codes: 0 done, 1 the job or the request failed, 2 wrong usage, 3 the job was canceled,"
    " 4 the time was up, 5 not allowed, 130 interrupted (the job goes on)."
)

app = typer.Typer(
    name="backburner",
    help="Run long AI jobs that must not be lost.",
    epilog=_EPILOG,
    no_args_is_help=True,
    # Plain traces: the pretty ones would print tokens among the local variables.
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="BACKBURNER_URL", help="Where the gateway listens.")
    ] = DEFAULT_URL,
    token: Annotated[
        str | None,
        typer.Option(envvar="BACKBURNER_TOKEN", show_envvar=True, help="Your API token."),
    ] = None,
) -> None:
    context.obj = Address(url, token)


for _commands in (submit.commands, jobs.commands, doctor.commands):
    app.add_typer(_commands)
for _name, _group in {
    "approvals": approvals.commands,
    "schedules": schedules.commands,
    "documents": documents.commands,
    "callbacks": callbacks.commands,
    "endpoints": endpoints.commands,
    "channels": channels.commands,
}.items():
    app.add_typer(_group, name=_name)
for _entry_point in sorted(entry_points(group=COMMANDS), key=lambda each: each.name):
    _entry_point.load()(app)
