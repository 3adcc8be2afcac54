"""Standard Webhooks 1.0.0: the signature that OpenAI sends us and that we send others.

The signed text is `{webhook-id}.{webhook-timestamp}.{body}`; the header `webhook-signature` lists
`v1,<base64 HMAC-SHA256>` per secret, so that secrets can rotate without a gap.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = (
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
)

TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be from our clock, as in every library of the standard."""

INCOMING_PATH = "/api/openai/webhook"
"""Where the gateway takes OpenAI's webhooks."""

EndEvent = Literal[
    "response.completed", "response.failed", "response.incomplete", "response.cancelled"
]
EVENT_TYPES: tuple[EndEvent, ...] = get_args(EndEvent)
"""The events that say that a response has ended."""

SHORTEST_KEY = 16
"""Bytes of a secret at the least; the standard asks for 24, and an empty one is no secret."""

PREFIX = "whsec_"
"""What secrets begin with; the rest is base64."""


class SignatureRefused(ValueError):
    """The message is not signed by any secret we know, or not now."""


def check_secret(secret: str) -> None:
    """Make sure that something can be a secret.

    Raises:
        ValueError: It is not base64, or too short.
    """
    if len(_key(secret)) < SHORTEST_KEY:
        raise ValueError(f"a webhook secret has at least {SHORTEST_KEY} bytes")


def sign(secret: str, webhook_id: str, moment: datetime, body: bytes) -> str:
    """Return one entry of the signature header.

    Raises:
        ValueError: The secret is not base64.
    """
    text = f"{webhook_id}.{int(moment.timestamp())}.".encode() + body
    digest = hmac.new(_key(secret), text, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Check a message and return its webhook id.

    Args:
        secrets: Every secret that counts at the moment; more than one while rotating.
        headers: The message's headers, under lower-case names.
        body: The raw body, exactly as received.
        now: Our clock, with a time zone.

    Raises:
        SignatureRefused: A header is missing or malformed, the time is off, or no secret fits.
    """
    try:
        webhook_id, stamp = headers[ID_HEADER], int(headers[TIMESTAMP_HEADER])
        given = headers[SIGNATURE_HEADER].split(" ")
        moment = datetime.fromtimestamp(stamp, UTC)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise SignatureRefused(f"a header is missing or malformed: {error}") from error
    if abs(now - moment) > TOLERANCE:
        raise SignatureRefused("the timestamp is too far from our clock")
    for secret in secrets:
        wanted = sign(secret, webhook_id, moment, body).encode()
        if any(hmac.compare_digest(wanted, each.encode()) for each in given):
            return webhook_id
    raise SignatureRefused("no secret of ours made this signature")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error
