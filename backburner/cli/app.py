"""The root of the command line: options that every command shares, and the list of commands."""

from typing import Annotated

import typer

from backburner.cli import (
    approvals,
    callbacks,
    cancel,
    channels,
    doctor,
    documents,
    endpoints,
    estimate,
    jobs,
    schedules,
    stack,
    submit,
    webhooks,
)
from backburner.cli.session import Address
from backburner.client import DEFAULT_URL

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


for _module in (
    stack,
    submit,
    estimate,
    jobs,
    cancel,
    approvals,
    schedules,
    documents,
    callbacks,
    endpoints,
    channels,
    webhooks,
    doctor,
):
    _module.register(app)


def main() -> None:
    """Run the command line."""
    app()
