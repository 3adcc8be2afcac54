"""Following a job from the command line: with a time limit, and with Ctrl-C as a way out."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from backburner._async.client import AsyncBackburner
from backburner.cli.connection import Exit, address_of, exit_codes, note, stderr
from backburner.errors import WaitTimedOut
from backburner.models.jobs import Job
from backburner.progress import follow

Timeout = Annotated[
    float | None,
    typer.Option(min=0.0, help="Seconds to wait for the end; the job itself goes on."),
]


def watch(context: typer.Context, job_id: UUID | str, timeout: float | None) -> Job:
    """Follow a job on standard error until it ends, or the time or the user's interest does."""
    with exit_codes():
        client = address_of(context).client(AsyncBackburner)
        # Asynchronous, so that the timeout cuts a wait for the next event short.
        return asyncio.run(_watch(client, job_id, timeout))


async def _watch(client: AsyncBackburner, job_id: UUID | str, timeout: float | None) -> Job:
    try:
        async with client, asyncio.timeout(timeout):
            return await follow(client, job_id, stderr())
    except TimeoutError:
        raise WaitTimedOut(job_id, timeout or 0.0) from None
    except asyncio.CancelledError:
        # Ctrl-C: asyncio cancels the main task first and raises KeyboardInterrupt afterwards.
        note(
            f"detached; the job goes on. Follow it again: backburner watch {job_id}"
            f" · end it: backburner cancel {job_id}"
        )
        raise typer.Exit(Exit.INTERRUPTED) from None
