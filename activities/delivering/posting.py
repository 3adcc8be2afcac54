"""One POST to a receiver: bounded in time and size, never redirected, never through a proxy."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import httpcore2

from activities.delivering.guard import BlockedAddress, Guard, NameNotResolved
from jobs.callbacks import AttemptError, Target

MOST_BYTES = 64 * 1024
"""What is read of a reply's body; the connection is closed then."""

EXCERPT_CHARACTERS = 2000
"""What is kept of it."""


@dataclass(frozen=True)
class Reply:
    """What a receiver answered, or why there was no answer.

    Attributes:
        status: None when no answer came; `error` says why then.
        retry_after: The header of that name.
        excerpt: The beginning of the body.
    """

    took: timedelta
    status: int | None = None
    retry_after: str | None = None
    excerpt: str | None = None
    error: AttemptError | None = None
    message: str | None = None


class Poster:
    """Makes POSTs over connections that a guard lets through.

    Args:
        guard: Decides about addresses.
        timeout: How long one POST may take in all.
        tls: Judges certificates; None trusts what the system trusts.
    """

    def __init__(
        self, guard: Guard, *, timeout: timedelta, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard
        self._seconds = timeout.total_seconds()
        self._tls = tls

    async def post(self, target: Target, headers: dict[str, str], body: bytes) -> Reply:
        """Send a body and return what came back; whatever goes wrong is told in the reply."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                status, retry_after, excerpt = await self._exchange(target, headers, body)
        except (TimeoutError, httpcore2.TimeoutException):
            words = f"no complete reply within {self._seconds:g} s"
            return Reply(_since(began), error=AttemptError.TIMED_OUT, message=words)
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            words = str(error) or type(error).__name__
            return Reply(_since(began), error=_reason(error), message=words)
        return Reply(_since(began), status, retry_after, excerpt)

    @cached_property
    def _pool(self) -> httpcore2.AsyncConnectionPool:
        # Made when it is needed: loading certificates takes a tenth of a second.
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls or httpcore2.default_ssl_context(),
            network_backend=self._guard,
            max_connections=None,  # callers are counted before they come here
            max_keepalive_connections=0,  # a judged address is good for one request
        )

    async def _exchange(
        self, target: Target, headers: dict[str, str], body: bytes
    ) -> tuple[int, str | None, str]:
        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        async with self._pool.stream(
            "POST",
            url,
            headers=[*headers.items(), ("Host", _host(target)), ("Connection", "close")],
            content=body,
            extensions={"timeout": limits},
        ) as response:
            retry_after = None
            for name, value in response.headers:
                if name.lower() == b"retry-after":
                    retry_after = value.decode("latin-1")
            return response.status, retry_after, await _beginning(response)


async def _beginning(response: httpcore2.Response) -> str:
    read = bytearray()
    async for piece in response.aiter_stream():
        read += piece
        if len(read) >= MOST_BYTES:
            break
    # NUL has no place in Postgres's texts.
    return read.decode(errors="replace").replace("\0", "�")[:EXCERPT_CHARACTERS]


def _host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"http": 80, "https": 443}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


def _since(began: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - began)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; backends wrap the cause more than once."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: Exception) -> AttemptError:
    if isinstance(error, BlockedAddress):
        return AttemptError.BLOCKED_ADDRESS
    if isinstance(error, NameNotResolved):
        return AttemptError.NAME_NOT_RESOLVED
    if any(isinstance(each, ssl.SSLError) for each in causes(error)):
        return AttemptError.TLS_FAILED
    if isinstance(error, httpcore2.ConnectError):
        return AttemptError.CONNECTION_FAILED
    return AttemptError.BROKEN_REPLY
