"""Sign webhooks as Standard Webhooks prescribes; OpenAI follows it to the letter."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

_PREFIX = "whsec_"


def new_secret() -> str:
    """Return a fresh signing secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def signed_headers(
    keys: Iterable[str], webhook_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers of a webhook, signed with every one of the secrets `keys`."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(key, signed) for key in keys),
    }


def _signature(key: str, signed: bytes) -> str:
    secret = base64.b64decode(key.removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
