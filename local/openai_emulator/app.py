"""The emulator's ASGI application: what every request meets, and the routes.

A later part (streams, webhooks, files, batches) adds a class like `ResponsesApi` and its routes;
until then unknown routes answer 404 in OpenAI's shape.
"""

import functools
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from local.openai_emulator.admin import admin_router
from local.openai_emulator.errors import ApiError, invalid_key
from local.openai_emulator.faults import CUT, connection_cutter
from local.openai_emulator.ledger import Ledger
from local.openai_emulator.responses import ResponsesApi
from local.openai_emulator.scripts import ScriptBook
from local.openai_emulator.settings import EmulatorSettings

_Endpoint = Callable[[Request], Awaitable[Response]]


class _Emulator(FastAPI):
    """Give every reply its request id and label, outside of all middleware."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request_id = f"req_{uuid.uuid4().hex}"
        scope["emulator.request_id"] = request_id
        scope[CUT] = connection_cutter(send)
        labels = [(b"x-request-id", request_id.encode()), (b"x-emulated", b"true")]

        async def send_labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *labels]
            await send(message)

        await super().__call__(scope, receive, send_labelled)


def create_app(settings: EmulatorSettings) -> FastAPI:
    """Build an emulator with its own empty state."""
    app = _Emulator(title="OpenAI emulator", docs_url=None, redoc_url=None, openapi_url=None)
    calls: Counter[str] = Counter()
    ledger = Ledger(settings.latency_seconds, clock=time.time)
    book = ScriptBook()
    api = ResponsesApi(ledger, book)
    one = "/v1/responses/{response_id}"
    routes: list[tuple[str, str, _Endpoint]] = [
        ("GET", one, api.retrieve),  # first, because it is polled
        ("POST", "/v1/responses", api.create),
        ("POST", f"{one}/cancel", api.cancel),
        ("DELETE", one, api.delete),
        ("GET", "/v1/models", api.models),
    ]
    for method, path, endpoint in routes:
        counted = _counted(_authorised(endpoint), calls, f"{method} {path}")
        app.add_route(path, counted, methods=[method])
    app.include_router(admin_router(ledger, book, calls, settings))
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _routing_error)
    return app


def _counted(endpoint: _Endpoint, calls: Counter[str], route: str) -> _Endpoint:
    @functools.wraps(endpoint)
    async def counted(request: Request) -> Response:
        calls[route] += 1
        return await endpoint(request)

    return counted


def _authorised(endpoint: _Endpoint) -> _Endpoint:
    """Ask for a bearer token, any token, before the endpoint."""

    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            raise ApiError(401, "You didn't provide an API key.")
        if scheme.lower() != "bearer" or not token.strip():
            raise invalid_key()
        return await endpoint(request)

    return guarded


async def _api_error(_: Request, error: Any) -> Response:
    response: Response = error.response()
    return response


async def _routing_error(request: Request, error: Any) -> Response:
    """Give the router's own errors, and the admin API's, OpenAI's shape."""
    message = error.detail
    if error.status_code == 405:
        message = f"Not allowed to {request.method} on {request.url.path}."
    elif message == "Not Found":
        message = f"Invalid URL ({request.method} {request.url.path})"
    return ApiError(error.status_code, message, headers=error.headers).response()
