"""Following a job from the command line: with a time limit, and with Ctrl-C as a way out."""

import asyncio
from typing import Annotated

import typer

from backburner.cli.session import Exit, note, stderr
from backburner.client import AsyncBackburner
from backburner.errors import WaitTimedOut
from backburner.models import Job
from backburner.progress import follow

Timeout = Annotated[
    float | None,
    typer.Option(min=0.0, help="Seconds to wait for the end; the job itself goes on."),
]


async def watched(client: AsyncBackburner, job_id: str, timeout: float | None) -> Job:
    """Follow a job on standard error until it ends, or the time or the user's interest does."""
    try:
        async with asyncio.timeout(timeout):
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
