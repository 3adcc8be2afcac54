"""Requests to Temporal by somebody who waits: in bounded time, and with our error for silence."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.service import RPCError, RPCStatusCode

from jobs.errors import ServiceUnavailable

RPC_TIMEOUT = timedelta(seconds=5)
"""A caller is waiting; what cannot be done now is repaired by maintenance."""

UNREACHABLE = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.CANCELLED,
    }
)
"""Statuses after which the same request may work later."""

NOT_CONNECTED = "Failed client connect"
"""How the message of a lazy client begins that found no server; it raises a bare RuntimeError."""


@contextmanager
def reaching() -> Iterator[None]:
    """Turn Temporal's silence into `ServiceUnavailable`; its refusals pass unchanged."""
    try:
        yield
    except RPCError as error:
        if error.status not in UNREACHABLE:
            raise
        raise ServiceUnavailable(f"Temporal does not answer: {error.message}") from error
    except RuntimeError as error:
        if not str(error).startswith(NOT_CONNECTED):
            raise
        raise ServiceUnavailable("Temporal does not answer: no connection") from error
    except TimeoutError as error:
        raise ServiceUnavailable("Temporal does not answer in time") from error


def in_time() -> asyncio.Timeout:
    """Bound a request in all: the SDK's own timeout is for one try of several."""
    return asyncio.timeout(RPC_TIMEOUT.total_seconds())
