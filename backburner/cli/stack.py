"""`backburner up` and `backburner demo`: hand over to the package that runs the local stack.

Outsiders' code does not import that package; it becomes it, so that Ctrl-C and signals reach it.
"""

import os
import sys
from typing import Annotated

import typer

from backburner.cli.session import Exit, note

Arguments = Annotated[list[str] | None, typer.Argument(metavar="[OPTIONS]", help="Passed on.")]
# Its own --help knows its options better than we do.
_PASS_EVERYTHING_ON = {"ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up", context_settings=_PASS_EVERYTHING_ON)(_up)
    app.command("demo", context_settings=_PASS_EVERYTHING_ON)(_demo)


def _up(arguments: Arguments = None) -> None:
    """Start the whole system on this machine and keep it running until Ctrl-C."""
    _become("up", arguments)


def _demo(arguments: Arguments = None) -> None:
    """Run the main job once on this machine, show the result, then stop everything."""
    _become("demo", arguments)


def _become(verb: str, arguments: list[str] | None) -> None:
    command = [sys.executable, "-m", "local", verb, *(arguments or [])]
    try:
        os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        note(f"error: cannot run {' '.join(command)}: {error}", style="red")
        raise typer.Exit(Exit.FAILED) from error
