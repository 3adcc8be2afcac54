"""`backburner callbacks`: what others were told, and sending it again."""

from datetime import timedelta
from typing import Annotated

import typer

from backburner.callbacks import Callback, Secret
from backburner.cli.output import Output, print_json, print_pairs, print_rows, wants_json
from backburner.cli.session import first, talk
from backburner.client import AsyncBackburner
from backburner.words import moment
from jobs.callbacks import DeliveryStatus

CallbackId = Annotated[str, typer.Argument(metavar="CALLBACK", help="The callback's id.")]
OverlapHours = Annotated[
    int, typer.Option(min=0, max=168, help="How long the old secret signs, too.")
]
Force = Annotated[bool, typer.Option("--force", help="End an earlier overlap.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="See what others were told of jobs.", no_args_is_help=True)
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("redeliver")(_redeliver)
    group.command("secret")(_secret)
    group.command("rotate-secret")(_rotate_secret)
    app.add_typer(group, name="callbacks")


def _list(
    context: typer.Context,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only those.")] = None,
    event: Annotated[str | None, typer.Option(help="Only this event.")] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 20,
    output: Output = None,
) -> None:
    """Print callbacks, newest first."""

    async def conversation(client: AsyncBackburner) -> list[Callback]:
        if job is not None:
            told = await client.callbacks.of_job(job)
            return [
                each
                for each in told
                if status in (None, each.status) and event in (None, each.event)
            ][:limit]
        pages = client.callbacks.list(status=status, event=event, page_size=min(limit, 100))
        return await first(pages, limit)

    _print(talk(context, conversation), output)


def _show(context: typer.Context, callback_id: CallbackId, output: Output = None) -> None:
    """Print a callback with every attempt."""
    print_callback(talk(context, lambda client: client.callbacks.get(callback_id)), output)


def _redeliver(context: typer.Context, callback_id: CallbackId, output: Output = None) -> None:
    """Send a callback again, under the same id, and print how that goes."""

    async def conversation(client: AsyncBackburner) -> Callback:
        before = await client.callbacks.get(callback_id)
        await client.callbacks.redeliver(callback_id)
        return await client.callbacks.wait(callback_id, attempts=before.attempt_count + 1)

    print_callback(talk(context, conversation), output)


def _secret(context: typer.Context, output: Output = None) -> None:
    """Print the secret that signs what goes to the callback URL of jobs."""
    print_secret(talk(context, lambda client: client.callbacks.secret()), output)


def _rotate_secret(
    context: typer.Context,
    overlap_hours: OverlapHours = 24,
    force: Force = False,
    output: Output = None,
) -> None:
    """Replace that secret and print the new one."""
    overlap = timedelta(hours=overlap_hours)
    secret = talk(
        context, lambda client: client.callbacks.rotate_secret(overlap=overlap, force=force)
    )
    print_secret(secret, output)


def print_callback(callback: Callback, output: Output) -> None:
    """Print one callback with its attempts."""
    if wants_json(output):
        print_json(callback)
        return
    print_pairs(
        {
            "callback": str(callback.callback_id),
            "event": callback.event,
            "job": str(callback.job_id or ""),
            "to": receiver_of(callback),
            "status": callback.status.value,
            "next attempt": moment(callback.next_attempt_at),
        }
    )
    rows = (
        (
            moment(each.started_at),
            str(each.http_status or ""),
            f"{each.duration_ms} ms",
            each.error_code or "delivered",
            each.error_message or "",
        )
        for each in callback.attempts or ()
    )
    print_rows(("attempt", "answer", "took", "outcome", "why"), rows)


def receiver_of(callback: Callback) -> str:
    """Say to whom it goes."""
    if callback.channel is None:
        return callback.url or ""
    return " ".join(("channel", callback.channel, *callback.recipients))


def print_secret(secret: Secret, output: Output) -> None:
    """Print a secret."""
    if wants_json(output):
        print_json(secret)
        return
    print_pairs(
        {"secret": secret.secret, "old one signs until": moment(secret.previous_expires_at)}
    )


def _print(callbacks: list[Callback], output: Output) -> None:
    if wants_json(output):
        print_json(callbacks)
        return
    columns = ("callback", "event", "job", "status", "attempts", "last error", "created")
    rows = (
        (
            str(each.callback_id),
            each.event,
            str(each.job_id or ""),
            each.status.value,
            str(each.attempt_count),
            each.last_error or "",
            moment(each.created_at),
        )
        for each in callbacks
    )
    print_rows(columns, rows)
