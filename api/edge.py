"""What every request meets first: its id, the size limit, and headers every reply carries."""

import asyncio
import uuid
from contextlib import suppress

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Refusal, respond
from jobs.errors import RequestTooLarge
from jobs.result_links import without_token
from telemetry import traces

CLOSING = {"Connection": "close"}
"""Without it the server would go on reading a body that nobody wants."""

LINGER_SECONDS, LINGER_BYTES = 1.0, 64 * 1024 * 1024
"""How long to read on behind a refusal: hanging up on a sender destroys the reply on its way."""


class Edge(FastAPI):
    """Give every reply its request id and its safe defaults, outside of all middleware."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["request_id"] = uuid.uuid4().hex
        complete = False

        async def send_labelled(message: Message) -> None:
            nonlocal complete
            if message["type"] == "http.response.start":
                _label(MutableHeaders(scope=message), scope)
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await super().__call__(scope, receive, send_labelled)
        except Exception:
            # A defect was answered and logged on its way here; Starlette raises it again for
            # servers that log. Only a reply cut in the middle is left for the server to close.
            if not complete:
                raise


class BodyLimit:
    """Refuse bodies that are too large: by their declared length, or as soon as they are.

    Starlette's own limiter answers in plain text, and ours are problem documents everywhere.

    Args:
        limit: Bytes a body may have.
        exceptions: Other limits, by path.
    """

    def __init__(self, app: ASGIApp, limit: int, exceptions: dict[str, int]) -> None:
        self._app = app
        self._limit = limit
        self._exceptions = exceptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while its body is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._exceptions.get(scope["path"], self._limit)
        if _declared(scope) > limit:
            too_large = Refusal(RequestTooLarge(f"more than {limit} bytes"), headers=CLOSING)
            refuse = respond(scope["request_id"], too_large)
            await refuse(scope, receive, _lingering(receive, send))
            return
        read = 0
        patient_send = _lingering(receive, send)

        async def receive_limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                # FastAPI turns all but an HTTPException into "error parsing the body".
                raise HTTPException(413, headers=CLOSING)
            return message

        async def send_limited(message: Message) -> None:
            await (patient_send if read > limit else send)(message)

        await self._app(scope, receive_limited, send_limited)


class HiddenLinks:
    """Keep the tokens of signed links out of traces, where FastAPI writes the whole path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            shown = without_token(scope["path"])
            if shown != scope["path"]:
                traces.show_path(shown)
        await self._app(scope, receive, send)


def _lingering(receive: Receive, send: Send) -> Send:
    async def send_and_linger(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body"):
            await send(message)
            return
        await send({**message, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _drain(receive)
        await send({"type": "http.response.body", "body": b""})

    return send_and_linger


async def _drain(receive: Receive) -> None:
    read, more = 0, True
    while more and read < LINGER_BYTES:
        message = await receive()
        read += len(message.get("body", b""))
        more = message.get("more_body", False)


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _label(headers: MutableHeaders, scope: Scope) -> None:
    headers["X-Request-Id"] = scope["request_id"]
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
