"""One conversation of the command line with the gateway, and the exit code it ends with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from backburner.client import AsyncBackburner
from backburner.errors import (
    ApiError,
    BackburnerError,
    GatewayUnreachable,
    JobEnded,
    WaitTimedOut,
)
from backburner.models import Failure, Job
from backburner.words import plain
from jobs.status import JobStatus

T = TypeVar("T")


class Exit(IntEnum):
    """What the exit codes mean."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CANCELED = 3
    TIMED_OUT = 4
    NOT_ALLOWED = 5
    INTERRUPTED = 130


@dataclass(frozen=True)
class Address:
    """Where the gateway is, and who asks."""

    url: str
    token: str | None = field(default=None, repr=False)

    def client(self, *, patience: timedelta = timedelta(seconds=30)) -> AsyncBackburner:
        """Return a client; a URL that is none ends the command as wrong usage."""
        try:
            return AsyncBackburner(self.url, token=self.token, patience=patience)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--url") from None


def address_of(context: typer.Context) -> Address:
    """Return the address that the root command was given."""
    address = context.obj
    if not isinstance(address, Address):
        raise TypeError("the root command stores the address")
    return address


def talk(context: typer.Context, conversation: Callable[[AsyncBackburner], Awaitable[T]]) -> T:
    """Hold a conversation with the gateway; its errors become one line and an exit code."""
    client = address_of(context).client()

    async def held() -> T:
        async with client:
            return await conversation(client)

    try:
        return asyncio.run(held())
    except BackburnerError as error:
        _leave_with(error)


async def first(pages: AsyncIterator[T], limit: int) -> list[T]:
    """Return what a list begins with; no more pages are fetched than that takes."""
    found: list[T] = []
    async for each in pages:
        found.append(each)
        if len(found) == limit:
            break
    return found


def stderr() -> Console:
    """Return the console for everything that is not the answer."""
    return Console(stderr=True, highlight=False)


def note(line: str, *, style: str = "") -> None:
    """Say something on standard error."""
    stderr().print(Text(plain(line), style=style), soft_wrap=True)


def leave_as(job: Job) -> None:
    """End the command with the exit code of the job's end, after saying why it is not 0."""
    if job.status is JobStatus.FAILED:
        failure = job.error or Failure(code="job_failed")
        _say(failure.code, failure.message, failure.advice)
        raise typer.Exit(Exit.FAILED)
    if job.status is JobStatus.CANCELED:
        note(f"job {job.job_id} was canceled")
        raise typer.Exit(Exit.CANCELED)


def _leave_with(error: BackburnerError) -> NoReturn:
    if isinstance(error, JobEnded):
        leave_as(error.job)
    if isinstance(error, ApiError):
        _say(error.code, error.detail, error.advice, request_id=error.request_id)
        for mistake in error.errors:
            place = mistake.get("pointer") or mistake.get("parameter") or "/"
            note(f"  at {place}: {mistake.get('detail', '')}")
        raise typer.Exit(Exit.NOT_ALLOWED if error.status in (401, 403) else Exit.FAILED)
    if isinstance(error, GatewayUnreachable):
        mend = "start one with `backburner up` or set BACKBURNER_URL"
        note(f"error: no gateway at {error.url}: {mend} ({error.reason})", style="red")
        raise typer.Exit(Exit.FAILED)
    note(f"error: {error}", style="red")
    raise typer.Exit(Exit.TIMED_OUT if isinstance(error, WaitTimedOut) else Exit.FAILED)


def _say(code: str, message: str, advice: str, *, request_id: str | None = None) -> None:
    sentence = f"{message.rstrip('.')}." if message else ""
    where = f"(request {request_id})" if request_id else ""
    words = " ".join(filter(None, (f"error: {code}:", sentence, advice, where)))
    note(words, style="red")
