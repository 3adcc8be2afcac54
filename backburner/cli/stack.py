"""`backburner up` and `backburner demo`: hand over to the package that runs the local stack."""

import typer

from backburner.cli.become import PASS_EVERYTHING_ON, Arguments, become


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up", context_settings=PASS_EVERYTHING_ON)(_up)
    app.command("demo", context_settings=PASS_EVERYTHING_ON)(_demo)


def _up(arguments: Arguments = None) -> None:
    """Start the whole system on this machine and keep it running until Ctrl-C."""
    become("local", "up", *(arguments or []))


def _demo(arguments: Arguments = None) -> None:
    """Run the main job once on this machine, show the result, then stop everything."""
    become("local", "demo", *(arguments or []))
