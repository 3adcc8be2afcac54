"""`backburner submit` and `backburner estimate`: start a job, or learn what it would take."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from backburner._text import duration, price
from backburner.cli.arguments import read_object, read_options, read_pairs
from backburner.cli.connection import call, exit_as, note
from backburner.cli.jobs import print_job
from backburner.cli.output import Columns, Format, Output, print_record
from backburner.cli.watch import Timeout, watch
from backburner.models.jobs import Estimate

Type = Annotated[str, typer.Argument(help="The job type; `backburner job-types` lists them.")]
Payload = Annotated[
    str,
    typer.Argument(metavar="PAYLOAD", help="A JSON object, @FILE to read one, or - for the input."),
]

commands = typer.Typer()


@commands.command("submit")
def _submit(
    context: typer.Context,
    type: Type,
    payload: Payload = "{}",
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An option such as model=… (repeatable)."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A word to find the job by (repeatable)."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(help="The same key with the same request never starts a second job."),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option(help="Gets a signed POST when the job ends.")
    ] = None,
    notify: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL[=WHEN,…]",
            help="Notify a channel's people, say ops-mail=failed,approval_needed (repeatable).",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False,
    timeout: Timeout = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the job's id, for scripts.")
    ] = False,
    output: Output = None,
) -> None:
    """Start a job and print it; with --wait, print how it ended."""
    if timeout is not None and not wait:
        raise typer.BadParameter("it only limits --wait", param_hint="--timeout")
    choices: dict[str, Any] = {
        "payload": read_object(payload),
        "options": read_options(option),
        "labels": read_pairs(label, "--label"),
        "callback_url": callback_url,
        "notify": [channel_of(each) for each in notify or ()],
        "idempotency_key": idempotency_key,
    }
    job = call(context, lambda client: client.submit(type, **choices).job)
    if quiet:
        typer.echo(job.job_id)
    if wait:
        job = watch(context, job.job_id, timeout)
    if not quiet:
        print_job(job, output)
    if wait:
        exit_as(job)
    elif not quiet and output is not Format.JSON:
        note(f"follow it: backburner watch {job.job_id}")


@commands.command("estimate")
def _estimate(
    context: typer.Context,
    type: Type,
    payload: Payload = "{}",
    picture: Annotated[
        bool, typer.Option("--picture", help="Print the Mermaid text of the job instead.")
    ] = False,
    output: Output = None,
) -> None:
    """Check a job without starting it, and print what it will probably take and cost."""
    body = read_object(payload)
    found = call(context, lambda client: client.estimate(type, body))
    if picture:
        typer.echo(found.mermaid)
    elif print_record(found, ESTIMATE, output):
        for each in found.unknown:
            note(f"not counted, at {each.pointer}: {each.detail}")


def channel_of(text: str) -> str | dict[str, Any]:
    """Read a channel to notify: its own rule, or the occasions behind the sign."""
    name, equals, occasions = text.partition("=")
    return {"channel": name, "on": occasions.split(",")} if equals else name


def _time(found: Estimate) -> str:
    typical, late = (
        duration(timedelta(seconds=each)) for each in (found.typical_seconds, found.late_seconds)
    )
    return f"about {typical}, seldom over {late}"


ESTIMATE: Columns[Estimate] = {
    "type": lambda found: found.type,
    "jobs": lambda found: found.jobs,
    "takes": _time,
    "costs": lambda found: (
        "unknown" if found.usd.typical is None else f"about {price(found.usd.typical)}"
    ),
    "seldom under": lambda found: price(found.usd.low),
    "seldom over": lambda found: price(found.usd.high),
}
