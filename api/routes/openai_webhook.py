"""OpenAI's webhooks: written down, answered, and then told to the workers.

A notice is only a hint, so its content needs little care; but OpenAI repeats whatever is not
answered with 2xx for three days. Only what a repetition can mend is therefore refused.
"""

import logging
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect

from api.gateway import GatewayIn, NotifierIn
from api.problems import Refusal, documented
from jobs.errors import InvalidRequest, WebhookRefused
from jobs.webhooks import INCOMING_PATH, SignatureRefused, verify
from settings import GatewaySettings
from storage import inbox
from storage.inbox import Notice
from telemetry import instruments

LOG = logging.getLogger(__name__)

router = APIRouter(tags=["webhooks"])

LARGEST_BYTES = 256 * 1024
"""A webhook is a few hundred bytes; nobody should make us sign megabytes."""

OURS = "response."
"""What the types of events begin with that somebody may wait for."""

CHALLENGE = {"WWW-Authenticate": "Standard-Webhooks"}
"""HTTP wants one with every 401, and a bearer token would not help here."""

Word = Annotated[str, StringConstraints(pattern=r"^[!-+\--~]{1,500}$")]
"""Printable ASCII without commas: Postgres stores it, and a notification lists it."""


class _Event(BaseModel):
    type: str


class _Subject(BaseModel):
    id: Word


class _ResponseEvent(BaseModel):
    type: Word
    data: _Subject


@router.post(
    INCOMING_PATH,
    status_code=204,
    response_model=None,
    summary="Take an event from OpenAI",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "An event of OpenAI, signed by Standard Webhooks.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
    responses={204: {"description": "Written down, or of no interest."}, **documented(413, 503)}
    | {401: {**documented(401)[401], "description": "The signature does not count."}},
)
async def take_openai_event(request: Request, gateway: GatewayIn, notifier: NotifierIn) -> Response:
    """Verify the signature, which stands in for a token, and wake whoever waits."""
    body = await _body(request)
    webhook_id = _verified(gateway.settings, request, body)
    notice = _read(webhook_id, body)
    if notice is not None:
        # Also when it was there already: whoever wrote it may have died before telling.
        new = await inbox.put(gateway.db, notice)
        instruments.WEBHOOKS.add(1, {"outcome": "new" if new else "repeated"})
        notifier.tell(notice.response_id)
    return Response(status_code=204)


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise InvalidRequest("the connection ended before the body") from None


def _verified(settings: GatewaySettings, request: Request, body: bytes) -> str:
    secrets = [each.get_secret_value() for each in settings.openai_webhook_secrets]
    if not secrets:
        reason = "BACKBURNER_OPENAI_WEBHOOK_SECRETS holds no secret, so no signature can count"
        raise Refusal(WebhookRefused(reason), headers=CHALLENGE)
    try:
        return verify(secrets, request.headers, body, datetime.now(UTC))
    except SignatureRefused as error:
        instruments.WEBHOOKS.add(1, {"outcome": "refused"})
        raise Refusal(WebhookRefused(str(error)), headers=CHALLENGE) from None


def _read(webhook_id: str, body: bytes) -> Notice | None:
    """Return what an event says; None when it says nothing to us."""
    try:
        kind = _Event.model_validate_json(body).type
        if not kind.startswith(OURS):
            LOG.debug("webhook %r of type %r is not for us", webhook_id, kind)
            return None
        event = _ResponseEvent.model_validate_json(body)
    except ValidationError as error:
        # Signed, so it is OpenAI's; sent again it would read the same.
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
        LOG.warning("webhook %r cannot be read: %s", webhook_id, mistakes)
        return None
    return Notice(webhook_id=webhook_id, response_id=event.data.id, type=event.type)
