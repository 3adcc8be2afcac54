"""Commands that belong to packages which outsiders' code does not import.

The command becomes a program of such a package, so that Ctrl-C and signals reach it.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from backburner.cli.session import Exit, note

Arguments = Annotated[list[str] | None, typer.Argument(metavar="[OPTIONS]", help="Passed on.")]

# The program's own --help knows its options better than we do.
PASS_EVERYTHING_ON = {"ignore_unknown_options": True, "help_option_names": []}


def become(module: str, *arguments: str) -> NoReturn:
    """Run a module in the place of this process."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        note(f"error: cannot run {' '.join(command)}: {error}", style="red")
        raise typer.Exit(Exit.FAILED) from error
