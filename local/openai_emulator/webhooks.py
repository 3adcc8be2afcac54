"""The endpoints under `/v1/webhook_endpoints`, as the SDK's `client.webhooks` speaks them."""

import typing
import uuid
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from openai.types.webhooks.webhook_create_params import WebhookCreateParams
from openai.types.webhooks.webhook_rotate_secret_params import WebhookRotateSecretParams
from openai.types.webhooks.webhook_test_params import WebhookTestParams
from openai.types.webhooks.webhook_update_params import WebhookUpdateParams
from pydantic import ConfigDict, with_config

from local.openai_emulator.bodies import json_body
from local.openai_emulator.deliveries import Delivery, Dispatcher, new_event
from local.openai_emulator.endpoints import Endpoint
from local.openai_emulator.errors import ApiError
from local.openai_emulator.ledger import Ledger
from local.openai_emulator.paging import page_of
from local.openai_emulator.settings import Tuning
from local.openai_emulator.validation import check_body, closed

_CLOSED = ConfigDict(extra="forbid", strict=True)


@with_config(_CLOSED)
class _Create(WebhookCreateParams):
    """The SDK's own type, closed."""


@with_config(_CLOSED)
class _Update(WebhookUpdateParams):
    """The SDK's own type, closed."""


@with_config(_CLOSED)
class _Rotate(WebhookRotateSecretParams):
    """The SDK's own type, closed."""


@with_config(_CLOSED)
class _Test(WebhookTestParams):
    """The SDK's own type, closed."""


_CREATE, _UPDATE, _ROTATE, _TEST = (closed(each) for each in (_Create, _Update, _Rotate, _Test))
_EVENT_TYPES = typing.get_args(typing.get_type_hints(WebhookTestParams)["event_type"])


class WebhooksApi:
    """Register endpoints, change them, rotate their secrets and try them out."""

    def __init__(self, dispatcher: Dispatcher, ledger: Ledger, tuning: Tuning) -> None:
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._tuning = tuning

    async def create(self, request: Request) -> Response:
        """Register an endpoint; its secret is shown in this reply and never again."""
        body = await self._checked(request, _CREATE)
        now = self._ledger.now()
        endpoint = Endpoint(id=f"whe_{uuid.uuid4().hex}", created_at=now, updated_at=now, **body)
        self._dispatcher.register(endpoint)
        return JSONResponse(endpoint.as_dict_with_secret())

    async def list(self, request: Request) -> Response:
        """List the endpoints, the newest first."""
        self._check_offered()
        newest_first = [each.as_dict() for each in reversed(self._dispatcher.endpoints.values())]
        return JSONResponse(page_of(newest_first, request.query_params, usual=20))

    async def retrieve(self, request: Request) -> Response:
        """Describe an endpoint."""
        return JSONResponse(self._asked(request).as_dict())

    async def update(self, request: Request) -> Response:
        """Change an endpoint's name, address or event types."""
        endpoint = self._asked(request)
        endpoint.change(await self._checked(request, _UPDATE), self._ledger.now())
        return JSONResponse(endpoint.as_dict())

    async def delete(self, request: Request) -> Response:
        """Remove an endpoint."""
        endpoint = self._asked(request)
        self._dispatcher.remove(endpoint.id)
        gone = {"id": endpoint.id, "object": "webhook_endpoint.deleted", "deleted": True}
        return JSONResponse(gone)

    async def rotate_secret(self, request: Request) -> Response:
        """Give an endpoint a new secret, shown in this reply."""
        endpoint = self._asked(request)
        body = await self._checked(request, _ROTATE, or_empty=True)
        keep_old = body.get("keep_old_secret_active_for_24_hours", False)
        endpoint.rotate(self._ledger.now(), keep_old=keep_old)
        return JSONResponse(endpoint.as_dict_with_secret())

    async def test(self, request: Request) -> Response:
        """Send an endpoint a sample event, once, and tell what it answered."""
        endpoint = self._asked(request)
        kind = (await self._checked(request, _TEST))["event_type"]
        sample = new_event(kind, f"resp_{uuid.uuid4().hex}", self._ledger.now())
        line = await self._dispatcher.send(Delivery(sample, endpoint, "test"))
        if line["status_code"] is None:
            message = f"The endpoint did not answer: {line['error']}"
            raise ApiError(400, message, code="webhook_endpoint_unreachable")
        result = {
            "object": "webhook_endpoint.test",
            "webhook_endpoint_id": endpoint.id,
            "event_type": kind,
            "status_code": line["status_code"],
            "success": True,
        }
        return JSONResponse(result)

    async def event_types(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint takes the request
        """List the types of events there are."""
        self._check_offered()
        return JSONResponse({"object": "list", "data": list(_EVENT_TYPES)})

    async def _checked(
        self, request: Request, validator: Any, *, or_empty: bool = False
    ) -> dict[str, Any]:
        self._check_offered()
        body = await json_body(request, or_empty=or_empty)
        check_body(validator, body)
        # The real API wants HTTPS; here the endpoint is a neighbour that has no certificate.
        url = body.get("url")
        if url is not None and urlsplit(url).scheme not in ("http", "https"):
            raise ApiError(400, f"Invalid 'url': {url!r}.", param="url", code="invalid_url")
        if body.get("event_types") == []:
            message = "Invalid 'event_types': at least one is needed."
            raise ApiError(400, message, param="event_types", code="empty_array")
        return body

    def _asked(self, request: Request) -> Endpoint:
        self._check_offered()
        endpoint_id = request.path_params["webhook_endpoint_id"]
        endpoint = self._dispatcher.endpoints.get(endpoint_id)
        if endpoint is None:
            raise ApiError(404, f"Webhook endpoint with id {endpoint_id!r} not found.")
        return endpoint

    def _check_offered(self) -> None:
        if not self._tuning.dialect.webhooks:
            raise ApiError(404, "This server has no webhooks.")
