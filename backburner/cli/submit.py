"""`backburner submit`: start a job, and wait for it when asked to."""

import json
from typing import Annotated, Any

import typer

from backburner.cli.output import Format, Output, print_job
from backburner.cli.session import leave_as, note, talk
from backburner.cli.watching import Timeout, watched
from backburner.cli.words_given import json_or_text, pairs, text_of
from backburner.client import AsyncBackburner
from backburner.models import Job

Payload = Annotated[
    str,
    typer.Argument(metavar="PAYLOAD", help="A JSON object, @FILE to read one, or - for the input."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit")(_submit)


def _submit(
    context: typer.Context,
    type: Annotated[str, typer.Argument(help="The job type; `backburner job-types` lists them.")],
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
            help="Tell a channel's people, say ops-mail=failed,approval_needed (repeatable).",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Start a job and print it; with --wait, print how it ended."""
    if timeout is not None and not wait:
        raise typer.BadParameter("it only limits --wait", param_hint="--timeout")
    body = read_object(payload)
    options = {name: json_or_text(value) for name, value in pairs(option, "--option").items()}
    labels = pairs(label, "--label")

    async def conversation(client: AsyncBackburner) -> Job:
        job = await client.submit(
            type,
            body,
            options=options,
            labels=labels,
            callback_url=callback_url,
            notify=[channel_of(each) for each in notify or ()],
            idempotency_key=idempotency_key,
        )
        return await watched(client, str(job.job_id), timeout) if wait else job

    job = talk(context, conversation)
    print_job(job, output)
    if wait:
        leave_as(job)
    elif output is not Format.JSON:
        note(f"follow it: backburner watch {job.job_id}")


def channel_of(text: str) -> str | dict[str, Any]:
    """Read what is to be told to a channel: its own rule, or the occasions behind the sign."""
    name, equals, occasions = text.partition("=")
    return {"channel": name, "on": occasions.split(",")} if equals else name


def read_object(payload: str) -> dict[str, Any]:
    """Read the payload that a command was given; anything but a JSON object is wrong usage."""
    try:
        value = json.loads(text_of(payload))
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error}", param_hint="PAYLOAD") from None
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="PAYLOAD") from None
    if not isinstance(value, dict):
        raise typer.BadParameter("not a JSON object", param_hint="PAYLOAD")
    return value
