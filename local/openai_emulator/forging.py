"""Webhooks that nobody should believe: forged, stale, misleading, or about nothing."""

import secrets
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from local.openai_emulator.deliveries import Delivery, Dispatcher, new_event
from local.openai_emulator.endpoints import Endpoint
from local.openai_emulator.signing import new_secret, signed_headers

_STALE_SECONDS = 3600


class Forgery(BaseModel):
    """Describe a webhook to send to every endpoint, or to one.

    Without a `flaw` it is signed properly; a `response_id` that is left out belongs to nobody. The
    same `event_name` gives the same webhook id again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flaw: Literal["signature", "old_timestamp", "no_signature"] | None = None
    type: str = "response.completed"
    response_id: str | None = None
    endpoint_id: str | None = None
    event_name: str | None = None

    def headers(self, endpoint: Endpoint, webhook_id: str, now: float, body: bytes) -> Any:
        """Sign the body as the flaw demands."""
        timestamp = int(now) - (_STALE_SECONDS if self.flaw == "old_timestamp" else 0)
        keys = [new_secret()] if self.flaw == "signature" else endpoint.secrets(now)
        signed = signed_headers(keys, webhook_id, timestamp, body)
        if self.flaw == "no_signature":
            del signed["webhook-signature"]
        return signed


async def forge(dispatcher: Dispatcher, forgery: Forgery, now: float) -> list[dict[str, Any]]:
    """Send a forgery once, without retries, and return the log's lines."""
    response_id = forgery.response_id or f"resp_{uuid.uuid4().hex}"
    name = forgery.event_name or secrets.token_hex(16)
    event = new_event(forgery.type, response_id, now, name=name)
    wanted = forgery.endpoint_id
    receivers = [each for each in dispatcher.endpoints.values() if wanted in (None, each.id)]
    return [
        await dispatcher.send(
            Delivery(event, endpoint, "forged"),
            forgery.headers(endpoint, event.webhook_id, now, event.body),
        )
        for endpoint in receivers
    ]
