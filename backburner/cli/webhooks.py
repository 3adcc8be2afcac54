"""`backburner webhooks`: hand over to the module that talks to OpenAI; this package does not."""

import typer

from backburner.cli.become import PASS_EVERYTHING_ON, Arguments, become


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("webhooks", context_settings=PASS_EVERYTHING_ON)(_webhooks)


def _webhooks(arguments: Arguments = None) -> None:
    """Manage OpenAI's webhooks: setup, list, test, rotate, remove."""
    become("activities.webhook_setup", *(arguments or []))
