"""Callbacks, the endpoints that receive them, and channels for notifications."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backburner.models.base import Reply


class EventType(StrEnum):
    """Event that a callback may report."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    APPROVAL_NEEDED = "job.approval_needed"
    ENDPOINT_DISABLED = "endpoint.disabled"


class DeliveryStatus(StrEnum):
    """Status of a delivery."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    ABANDONED = "abandoned"

    @property
    def is_open(self) -> bool:
        """Tell whether there is still something to do for it."""
        return self in (DeliveryStatus.PENDING, DeliveryStatus.DELIVERING)


class Endpoint(Reply):
    """A URL that receives the callbacks of all jobs.

    Attributes:
        events: The events it is sent; empty means all.
        include_children: Whether it is also sent those of jobs that other jobs started.
        disabled_reason: `by_owner`, `gone` (the receiver said 410) or `failing` (for days).
        failing_since: The first failure since the last success.
        secret: Only in the reply that made the endpoint.
    """

    endpoint_id: UUID
    url: str
    description: str = ""
    events: list[str] = []
    include_children: bool = False
    enabled: bool = True
    disabled_reason: str | None = None
    disabled_at: datetime | None = None
    failing_since: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    secret: str | None = None


class Secret(Reply):
    """A signing secret; until `previous_expires_at` the one before it signs, too."""

    secret: str
    created_at: datetime | None = None
    previous_expires_at: datetime | None = None


class Attempt(Reply):
    """One attempt to deliver; `error_code` is None when it arrived."""

    started_at: datetime
    duration_ms: int
    http_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    response_excerpt: str | None = None


class Callback(Reply):
    """A callback or a notification, sent or still to be sent.

    Attributes:
        callback_id: The `webhook-id` of every attempt.
        endpoint_id: None for the `callback_url` of a job.
        url: None for notifications.
        channel: Name of the channel of a notification; None for callbacks.
        recipients: Who gets a notification instead of the channel's own.
        attempts: Every try; None in lists.
    """

    callback_id: UUID
    event: str
    job_id: UUID | None = None
    endpoint_id: UUID | None = None
    url: str | None = None
    channel: str | None = None
    recipients: list[str] = []
    status: DeliveryStatus
    attempt_count: int = 0
    last_error: str | None = None
    created_at: datetime | None = None
    next_attempt_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: list[Attempt] | None = None


class Channel(Reply):
    """A channel for notifications, without its secrets.

    Attributes:
        on: Occasions of which it notifies when a job does not say.
        domains: Where jobs may have e-mails sent, besides the channel's own recipients.
        needs_recipients: Whether it has no recipients of its own.
    """

    name: str
    type: str
    description: str = ""
    on: list[str] = []
    domains: list[str] = []
    needs_recipients: bool = False
