"""The emulator's ASGI application: what every request meets, and the routes.

A later part (streams, batches) adds a class like `ResponsesApi` and its routes; until then unknown
routes answer 404 in OpenAI's shape.
"""

import functools
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from local.openai_emulator.admin import admin_router
from local.openai_emulator.errors import ApiError, invalid_key
from local.openai_emulator.faults import CUT, connection_cutter
from local.openai_emulator.responses import ResponsesApi
from local.openai_emulator.settings import EmulatorSettings
from local.openai_emulator.state import State
from local.openai_emulator.webhooks import WebhooksApi

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
    state = State(settings)

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        await state.dispatcher.close()

    app = _Emulator(
        title="OpenAI emulator", docs_url=None, redoc_url=None, openapi_url=None, lifespan=closing
    )
    for method, path, endpoint in _routes(state):
        counted = _counted(_authorised(endpoint), state.calls, f"{method} {path}")
        app.add_route(path, counted, methods=[method])
    app.include_router(admin_router(state))
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _routing_error)
    return app


def _routes(state: State) -> list[tuple[str, str, _Endpoint]]:
    responses, files = ResponsesApi(state), state.files
    webhooks = WebhooksApi(state.dispatcher, state.ledger, state.tuning)
    response, file = "/v1/responses/{response_id}", "/v1/files/{file_id}"
    webhook = "/v1/webhook_endpoints/{webhook_endpoint_id}"
    return [
        ("GET", response, responses.retrieve),  # first, because it is polled
        ("POST", "/v1/responses", responses.create),
        ("POST", f"{response}/cancel", responses.cancel),
        ("DELETE", response, responses.delete),
        ("GET", "/v1/models", responses.models),
        ("POST", "/v1/files", files.create),
        ("GET", "/v1/files", files.list),
        ("GET", file, files.retrieve),
        ("GET", f"{file}/content", files.content),
        ("DELETE", file, files.delete),
        ("POST", "/v1/webhook_endpoints", webhooks.create),
        ("GET", "/v1/webhook_endpoints", webhooks.list),
        ("GET", webhook, webhooks.retrieve),
        ("POST", webhook, webhooks.update),
        ("DELETE", webhook, webhooks.delete),
        ("POST", f"{webhook}/rotate_secret", webhooks.rotate_secret),
        ("POST", f"{webhook}/test", webhooks.test),
        ("GET", "/v1/webhook_event_types", webhooks.event_types),
    ]


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
