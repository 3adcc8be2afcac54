"""The connection of a command to the gateway, and the exit code it ends with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from backburner._async.client import AsyncBackburner
from backburner._sync.client import Backburner
from backburner._text import plain
from backburner.errors import (
    ApiError,
    BackburnerError,
    GatewayUnreachable,
    JobEnded,
    WaitTimedOut,
)
from backburner.models.jobs import Failure, Job, JobStatus

T = TypeVar("T")
C = TypeVar("C", Backburner, AsyncBackburner)

LARGEST_PAGE = 100


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
    """Where the gateway is, and the token to use."""

    url: str
    token: str | None = field(default=None, repr=False)

    def client(self, kind: type[C]) -> C:
        """Return a client; a URL that is none ends the command as wrong usage."""
        try:
            return kind(self.url, token=self.token)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--url") from None


def address_of(context: typer.Context) -> Address:
    """Return the address that the root command was given."""
    address = context.obj
    if not isinstance(address, Address):
        raise TypeError("the root command stores the address")
    return address


def call(context: typer.Context, operation: Callable[[Backburner], T]) -> T:
    """Call the gateway; its errors become one line and an exit code."""
    with exit_codes(), address_of(context).client(Backburner) as client:
        return operation(client)


def call_list(
    context: typer.Context, listing: Callable[[Backburner, int], Iterator[T]], limit: int
) -> list[T]:
    """Return what a list begins with; the listing is given the size of its pages."""
    return call(
        context, lambda client: list(islice(listing(client, min(limit, LARGEST_PAGE)), limit))
    )


@contextmanager
def exit_codes() -> Iterator[None]:
    """End the command with an exit code when the gateway, or a job, fails."""
    try:
        yield
    except BackburnerError as error:
        _exit_with(error)


def stderr() -> Console:
    """Return the console for everything that is not the answer."""
    return Console(stderr=True, highlight=False)


def note(line: str, *, style: str = "") -> None:
    """Print a line on standard error."""
    stderr().print(Text(plain(line), style=style), soft_wrap=True)


def exit_as(job: Job) -> None:
    """End the command with the exit code of the job's end, after saying why it is not 0."""
    if job.status is JobStatus.FAILED:
        failure = job.error or Failure(code="job_failed")
        _print_error(failure.code, failure.message, failure.advice)
        raise typer.Exit(Exit.FAILED)
    if job.status is JobStatus.CANCELED:
        note(f"job {job.job_id} was canceled")
        raise typer.Exit(Exit.CANCELED)


def _exit_with(error: BackburnerError) -> NoReturn:
    if isinstance(error, JobEnded):
        exit_as(error.job)
    if isinstance(error, ApiError):
        _print_error(error.code, error.detail, error.advice, request_id=error.request_id)
        for each in error.errors:
            place = each.get("pointer") or each.get("parameter") or "/"
            note(f"  at {place}: {each.get('detail', '')}")
        raise typer.Exit(Exit.NOT_ALLOWED if error.status in (401, 403) else Exit.FAILED)
    if isinstance(error, GatewayUnreachable):
        advice = "start one with `backburner up` or set BACKBURNER_URL"
        note(f"error: no gateway at {error.url}: {advice} ({error.reason})", style="red")
        raise typer.Exit(Exit.FAILED)
    note(f"error: {error}", style="red")
    raise typer.Exit(Exit.TIMED_OUT if isinstance(error, WaitTimedOut) else Exit.FAILED)


def _print_error(code: str, message: str, advice: str, *, request_id: str | None = None) -> None:
    sentence = f"{message.rstrip('.')}." if message else ""
    request = f"(request {request_id})" if request_id else ""
    line = " ".join(filter(None, (f"error: {code}:", sentence, advice, request)))
    note(line, style="red")
