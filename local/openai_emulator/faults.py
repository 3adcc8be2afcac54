"""Trouble on the wire: refusals before acceptance, connections cut, replies that come late."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from local.openai_emulator.errors import ApiError, HtmlError
from local.openai_emulator.limits import go_duration
from local.openai_emulator.scripts import Fault, Script

# What a fault answers: status, type, code and message. A code in the script replaces the code.
_REFUSALS: dict[str, tuple[int, str, str | None, str]] = {
    "rate_limited": (
        429,
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for {model}. Please try again later.",
    ),
    "quota": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "server_error": (
        500,
        "server_error",
        None,
        "The server had an error while processing your request.",
    ),
    "bad_gateway": (502, "server_error", None, "Bad Gateway"),
    "overloaded": (
        503,
        "service_unavailable_error",
        "server_is_overloaded",
        "The server is overloaded. Please try again later.",
    ),
    "gateway_timeout": (504, "server_error", None, "The upstream server did not answer in time."),
    "bad_request": (400, "invalid_request_error", "invalid_value", "The request is not valid."),
    "unauthorized": (
        401,
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided.",
    ),
    "forbidden": (
        403,
        "invalid_request_error",
        "model_access_denied",
        "Your project has no access to model {model}.",
    ),
    "model_not_found": (
        404,
        "invalid_request_error",
        "model_not_found",
        "The model {model} does not exist or you do not have access to it.",
    ),
    "prompt_not_found": (
        404,
        "invalid_request_error",
        "prompt_not_found",
        "The prompt does not exist.",
    ),
    "conflict": (409, "invalid_request_error", "conflict", "The request conflicts with another."),
    "unprocessable": (
        422,
        "invalid_request_error",
        "unprocessable_entity",
        "The request was understood but cannot be processed.",
    ),
}

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


def refusal(fault: Fault, script: Script, model: str) -> ApiError | None:
    """Return the error of a fault that refuses a call before it is accepted, if it is one."""
    if fault not in _REFUSALS:
        return None
    status, kind, code, message = _REFUSALS[fault]
    error = (HtmlError if fault == "bad_gateway" else ApiError)(
        status,
        message.format(model=model),
        kind=kind,
        code=script.error_code or code,
        param="prompt" if fault == "prompt_not_found" else None,
    )
    if fault == "rate_limited":
        error.headers |= {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": go_duration(script.retry_after_seconds),
            **_retry_headers(script),
        }
    error.headers |= script.headers
    return error


def _retry_headers(script: Script) -> dict[str, str]:
    """Write whole seconds as Retry-After and anything finer in OpenAI's own header."""
    seconds = script.retry_after_seconds
    if script.retry_after_as == "date":
        return {
            "retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), True)
        }
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
