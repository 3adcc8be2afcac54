"""Trouble on the wire: refusals before acceptance, connections cut, replies that come late."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from local.openai_emulator.errors import ApiError, invalid_key
from local.openai_emulator.scripts import Script

CUT = "emulator.cut"  # the scope key under which the app leaves the way to cut its connection


class CutConnection(Response):
    """Answer nothing: cut the connection and wait until the server has noticed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing is sent
        """Cut the connection that the request came on."""
        cast("Callable[[], None]", scope[CUT])()
        # uvicorn logs an error when an app returns unanswered on a connection it believes alive.
        while (await receive())["type"] != "http.disconnect":
            pass


def connection_cutter(send: Send) -> Callable[[], None]:
    """Return the way to cut the connection that a request came on.

    ASGI knows no such thing, so this takes the transport from uvicorn's own `send`; it works on
    the outermost `send` only, before any middleware wraps it.
    """
    cycle: Any = getattr(send, "__self__", None)

    def cut() -> None:
        if cycle is None:
            raise RuntimeError("Connections can be cut only when uvicorn serves the emulator.")
        cycle.transport.abort()

    return cut


def refusal(script: Script, model: str) -> ApiError | None:
    """Return the error of a fault that refuses a create before it is accepted, if it is one."""
    code = script.error_code
    match script.fault:
        case "rate_limited":
            message = f"Rate limit reached for {model}. Please try again later."
            code = code or "rate_limit_exceeded"
            headers = _retry_headers(script.retry_after_seconds)
            return ApiError(429, message, kind="requests", code=code, headers=headers)
        case "quota":
            message = "You exceeded your current quota, please check your plan and billing details."
            code = code or "insufficient_quota"
            return ApiError(429, message, kind="insufficient_quota", code=code)
        case "server_error":
            message = "The server had an error while processing your request."
            return ApiError(500, message, kind="server_error", code=code)
        case "overloaded":
            message = "The server is overloaded. Please try again later."
            code = code or "server_is_overloaded"
            return ApiError(503, message, kind="service_unavailable_error", code=code)
        case "bad_request":
            return ApiError(400, "The request is not valid.", code=code or "invalid_value")
        case "unauthorized":
            return invalid_key()
        case _:
            return None


def _retry_headers(seconds: float) -> dict[str, str]:
    """Write whole seconds as Retry-After and anything finer in OpenAI's own header."""
    if seconds == int(seconds):
        return {"retry-after": str(int(seconds))}
    return {"retry-after-ms": str(round(seconds * 1000))}


async def is_gone_within(request: Request, seconds: float) -> bool:
    """Wait, but no longer than the client does, and tell whether it gave up."""
    try:
        async with asyncio.timeout(None if math.isinf(seconds) else seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
