"""Checking that a callback is really from Backburner, and reading what it says.

::

    from backburner import webhooks

    event = webhooks.verify(body, headers, secret)
    if event.type == "job.succeeded":
        print(event.job_id, event.result)

Needs no gateway and no network. A callback may come twice: remember `event.webhook_id`.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from backburner.errors import CallbackRejected
from jobs import webhooks
from jobs.status import JobStatus
from jobs.values import Value


class CallbackEvent(Value):
    """What a callback says.

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
    """Check the signature and the age of a callback, and return what it says.

    Args:
        body: The raw body, exactly as it was received; not JSON that was read and written again.
        headers: The headers of the request, in any case.
        secrets: The signing secret, or several while one replaces another.
        now: The time to compare with; None takes this machine's clock.

    Raises:
        CallbackRejected: No secret made the signature, or it is older than five minutes.
        ValueError: A secret is none: it does not begin with `whsec_`, or is no base64.
    """
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    for secret in known:
        webhooks.check_secret(secret)
    raw = body.encode() if isinstance(body, str) else bytes(body)
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        webhook_id = webhooks.verify(known, lower, raw, now or datetime.now(UTC))
    except webhooks.SignatureRefused as error:
        raise CallbackRejected(str(error)) from error
    try:
        said = json.loads(raw)
        return CallbackEvent.model_validate(said | {"webhook_id": webhook_id})
    except (TypeError, ValueError) as error:
        raise CallbackRejected("it is signed, but not a callback of Backburner") from error
