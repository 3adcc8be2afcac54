"""`backburner callbacks`: the log of callbacks, and sending them again."""

from datetime import timedelta
from typing import Annotated

import typer

from backburner._sync.client import Backburner
from backburner.cli.arguments import Limit
from backburner.cli.connection import call, call_list
from backburner.cli.output import Columns, Output, print_list, print_record, print_rows
from backburner.models.callbacks import Callback, DeliveryStatus, Secret

CallbackId = Annotated[str, typer.Argument(metavar="CALLBACK", help="The callback's id.")]
OverlapHours = Annotated[
    int, typer.Option(min=0, max=168, help="How long the old secret signs, too.")
]
Force = Annotated[bool, typer.Option("--force", help="End an earlier overlap.")]

commands = typer.Typer(help="See the log of callbacks and notifications.", no_args_is_help=True)


@commands.command("list")
def _list(
    context: typer.Context,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only those.")] = None,
    event: Annotated[str | None, typer.Option(help="Only this event.")] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job.")] = None,
    limit: Limit = 20,
    output: Output = None,
) -> None:
    """Print callbacks, newest first."""
    if job is None:
        found = call_list(
            context,
            lambda client, size: client.callbacks.list(status=status, event=event, page_size=size),
            limit,
        )
    else:
        of_job = call(context, lambda client: client.callbacks.of_job(job))
        matching = (
            each for each in of_job if status in (None, each.status) and event in (None, each.event)
        )
        found = list(matching)[:limit]
    print_list(found, CALLBACKS, output)


@commands.command("show")
def _show(context: typer.Context, callback_id: CallbackId, output: Output = None) -> None:
    """Print a callback with every attempt."""
    print_callback(call(context, lambda client: client.callbacks.get(callback_id)), output)


@commands.command("redeliver")
def _redeliver(context: typer.Context, callback_id: CallbackId, output: Output = None) -> None:
    """Send a callback again, under the same id, and print how that goes."""

    def redeliver(client: Backburner) -> Callback:
        before = client.callbacks.get(callback_id)
        client.callbacks.redeliver(callback_id)
        return client.callbacks.wait(callback_id, attempts=before.attempt_count + 1)

    print_callback(call(context, redeliver), output)


@commands.command("secret")
def _secret(context: typer.Context, output: Output = None) -> None:
    """Print the secret that signs what goes to the callback URL of jobs."""
    print_record(call(context, lambda client: client.callbacks.secret()), SECRET, output)


@commands.command("rotate-secret")
def _rotate_secret(
    context: typer.Context,
    overlap_hours: OverlapHours = 24,
    force: Force = False,
    output: Output = None,
) -> None:
    """Replace that secret and print the new one."""
    overlap = timedelta(hours=overlap_hours)
    secret = call(
        context, lambda client: client.callbacks.rotate_secret(overlap=overlap, force=force)
    )
    print_record(secret, SECRET, output)


def print_callback(callback: Callback, output: Output) -> None:
    """Print one callback with its attempts."""
    if not print_record(callback, CALLBACK, output):
        return
    rows = (
        (
            each.started_at,
            each.http_status,
            f"{each.duration_ms} ms",
            each.error_code or "delivered",
            each.error_message,
        )
        for each in callback.attempts or ()
    )
    print_rows(("attempt", "answer", "took", "outcome", "why"), rows)


def _receiver(callback: Callback) -> str | None:
    if callback.channel is None:
        return callback.url
    return " ".join(("channel", callback.channel, *callback.recipients))


CALLBACKS: Columns[Callback] = {
    "callback": lambda each: each.callback_id,
    "event": lambda each: each.event,
    "job": lambda each: each.job_id,
    "status": lambda each: each.status,
    "attempts": lambda each: each.attempt_count,
    "last error": lambda each: each.last_error,
    "created": lambda each: each.created_at,
}
CALLBACK: Columns[Callback] = {
    "callback": lambda each: each.callback_id,
    "event": lambda each: each.event,
    "job": lambda each: each.job_id,
    "to": _receiver,
    "status": lambda each: each.status,
    "next attempt": lambda each: each.next_attempt_at,
}
SECRET: Columns[Secret] = {
    "secret": lambda each: each.secret,
    "old one signs until": lambda each: each.previous_expires_at,
}
