"""Commands that the server's installation adds to `backburner`: `up`, `demo`, `webhooks`.

Each replaces the process by the program that does it, so that Ctrl-C and signals reach it.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from backburner.cli import doctor
from backburner.cli.connection import Exit, note
from local.doctor import check

Arguments = Annotated[list[str] | None, typer.Argument(metavar="[OPTIONS]", help="Passed on.")]

# The program's own --help knows its options better than we do.
PASS_EVERYTHING_ON = {"ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the commands, and the checks of `doctor` for this machine."""
    app.command("up", context_settings=PASS_EVERYTHING_ON)(_up)
    app.command("demo", context_settings=PASS_EVERYTHING_ON)(_demo)
    app.command("webhooks", context_settings=PASS_EVERYTHING_ON)(_webhooks)
    doctor.more_checks.append(check)


def _up(arguments: Arguments = None) -> None:
    """Start the whole system on this machine and keep it running until Ctrl-C."""
    exec_module("local", "up", *(arguments or []))


def _demo(arguments: Arguments = None) -> None:
    """Run the main job once on this machine, show the result, then stop everything."""
    exec_module("local", "demo", *(arguments or []))


def _webhooks(arguments: Arguments = None) -> None:
    """Manage OpenAI's webhooks: setup, list, test, rotate, remove."""
    exec_module("activities.webhook_setup", *(arguments or []))


def exec_module(module: str, *arguments: str) -> NoReturn:
    """Run a module in the place of this process."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        note(f"error: cannot run {' '.join(command)}: {error}", style="red")
        raise typer.Exit(Exit.FAILED) from error
