"""Verify the signature of a callback and read its content.

::

    from backburner import webhooks

    event = webhooks.verify(body, headers, secret)
    if event.type == "job.succeeded":
        print(event.job_id, event.result)

Needs no gateway and no network. The signature is that of Standard Webhooks 1.0.0. A callback may
come twice: remember `event.webhook_id`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from backburner.errors import CallbackRejected
from backburner.models.base import Reply
from backburner.models.jobs import JobStatus

TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be from our clock, as in every library of the standard."""

SHORTEST_KEY = 16
"""Bytes of a secret at the least; the standard asks for 24, and an empty one is no secret."""

PREFIX = "whsec_"
"""What secrets begin with; the rest is base64."""


class CallbackEvent(Reply):
    """The content of a callback.

    Attributes:
        webhook_id: The same on every attempt to deliver this callback, and on no other.
        type: `job.succeeded`, `job.failed`, `job.canceled`, `job.approval_needed`,
            `endpoint.disabled` or `endpoint.test`; later versions may add types.
        timestamp: When it happened.
        root_id: The job that was submitted: `job_id`, unless that one was started by another job.
        status: The job's status at that time.
        result: The output of a job that succeeded; None also when it is too large for a callback.
        result_url: Where a result that is too large can be read for a day, without a token.
        approval: With `job.approval_needed`: key, title, digest and deadline of what is asked.
        endpoint: With `endpoint.disabled` and `endpoint.test`: the endpoint this is about.
    """

    webhook_id: str
    type: str
    timestamp: datetime
    job_id: UUID | None = None
    root_id: UUID | None = None
    job_type: str | None = None
    labels: dict[str, str] = {}
    status: JobStatus | None = None
    result: Any = None
    result_url: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    approval: dict[str, Any] | None = None
    endpoint: dict[str, Any] | None = None


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secrets: str | Iterable[str],
    *,
    now: datetime | None = None,
) -> CallbackEvent:
    """Check the signature and the age of a callback, and return its content.

    Args:
        body: The raw body, exactly as it was received; not JSON that was read and written again.
        headers: The headers of the request, in any case.
        secrets: The signing secret, or several while one replaces another.
        now: The time to compare with; None takes this machine's clock.

    Raises:
        CallbackRejected: No secret made the signature, or it is older than five minutes.
        ValueError: A secret is none: it does not begin with `whsec_`, or is no base64.
    """
    keys = [_key(each) for each in ([secrets] if isinstance(secrets, str) else secrets)]
    raw = body.encode() if isinstance(body, str) else bytes(body)
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    webhook_id = _verify_signature(keys, lower, raw, now or datetime.now(UTC))
    try:
        content = json.loads(raw)
        return CallbackEvent.model_validate(content | {"webhook_id": webhook_id})
    except (TypeError, ValueError) as error:
        raise CallbackRejected("it is signed, but not a callback of Backburner") from error


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a webhook secret has at least {SHORTEST_KEY} bytes")
    return key


def _verify_signature(
    keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: datetime
) -> str:
    """Check the signature and return the webhook id."""
    try:
        webhook_id, timestamp = headers["webhook-id"], int(headers["webhook-timestamp"])
        given = headers["webhook-signature"].split(" ")
        sent_at = datetime.fromtimestamp(timestamp, UTC)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise CallbackRejected(f"a header is missing or malformed: {error}") from error
    if abs(now - sent_at) > TOLERANCE:
        raise CallbackRejected("the timestamp is too far from our clock")
    text = f"{webhook_id}.{timestamp}.".encode() + body
    for key in keys:
        digest = hmac.new(key, text, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}".encode()
        if any(hmac.compare_digest(wanted, each.encode()) for each in given):
            return webhook_id
    raise CallbackRejected("no secret of ours made this signature")
