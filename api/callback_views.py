"""What replies about callbacks look like."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from api.views import JOB_ID
from jobs.callbacks import AttemptError, DeliveryStatus
from jobs.values import DeliveryId, EndpointId, JobId
from storage.deliveries import Attempt, Delivery
from storage.endpoints import Endpoint
from storage.secrets import Secret

ID = "7b0f4f2e-7d52-4b51-9b43-0c6f1f6f5a10"
SECRET = "whsec_…"  # noqa: S105 # what a secret looks like

_ENDPOINT: dict[str, Any] = {
    "endpoint_id": ID,
    "url": "https://example.com/hooks/backburner",
    "description": "Billing",
    "events": ["job.succeeded", "job.failed"],
    "include_children": False,
    "enabled": True,
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "created_at": "2026-11-21T10:00:00Z",
    "updated_at": "2026-11-21T10:00:00Z",
}


class EndpointView(BaseModel):
    """Who wants to hear of the tenant's jobs."""

    endpoint_id: EndpointId
    url: str
    description: str
    events: list[str]
    include_children: bool
    enabled: bool
    disabled_reason: str | None = Field(
        description="`by_owner`, `gone` (the receiver said 410) or `failing` (for days)."
    )
    disabled_at: datetime | None
    failing_since: datetime | None = Field(description="The first failure since the last success.")
    created_at: datetime
    updated_at: datetime

    model_config = {"json_schema_extra": {"examples": [_ENDPOINT]}}


class EndpointCreated(EndpointView):
    """A new endpoint with its secret, which is shown only now."""

    secret: str = Field(description="Verifies what the endpoint gets.")

    model_config = {"json_schema_extra": {"examples": [{**_ENDPOINT, "secret": SECRET}]}}


class EndpointList(BaseModel):
    """All endpoints, newest first."""

    endpoints: list[EndpointView]


class SecretView(BaseModel):
    """A signing secret."""

    secret: str = Field(examples=[SECRET])
    created_at: datetime
    previous_expires_at: datetime | None = Field(
        description="Until when the secret before this one signs, too."
    )


class AttemptView(BaseModel):
    """How one try went."""

    started_at: datetime
    duration_ms: int
    http_status: int | None = Field(description="Null when no answer came.")
    error_code: AttemptError | None = Field(description="Null when it was delivered.")
    error_message: str | None
    response_excerpt: str | None = Field(description="The beginning of the answer's body.")


_CALLBACK: dict[str, Any] = {
    "callback_id": ID,
    "event": "job.succeeded",
    "job_id": JOB_ID,
    "endpoint_id": None,
    "url": "https://example.com/hooks/job-completed",
    "channel": None,
    "recipients": [],
    "status": "delivered",
    "attempt_count": 2,
    "last_error": None,
    "created_at": "2026-11-21T10:00:24Z",
    "next_attempt_at": None,
    "ended_at": "2026-11-21T10:00:30Z",
}


class CallbackView(BaseModel):
    """What somebody was told, or is to be told."""

    callback_id: DeliveryId = Field(description="The `webhook-id` of every attempt.")
    event: str
    job_id: JobId | None
    endpoint_id: EndpointId | None = Field(description="Null for the `callback_url` of a job.")
    url: str | None = Field(description="Null for notifications.")
    channel: str | None = Field(description="The channel of a notification; null for callbacks.")
    recipients: list[str] = Field(description="Who gets it instead of the channel's own.")
    status: DeliveryStatus
    attempt_count: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None

    model_config = {"json_schema_extra": {"examples": [_CALLBACK]}}


class CallbackDetail(CallbackView):
    """What somebody was told, with every try."""

    attempts: list[AttemptView]

    model_config = {"json_schema_extra": {"examples": [{**_CALLBACK, "attempts": []}]}}


class CallbackPage(BaseModel):
    """Callbacks, newest first."""

    callbacks: list[CallbackView]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class JobCallbacks(BaseModel):
    """All callbacks of a job, newest first."""

    callbacks: list[CallbackDetail]


class Recovered(BaseModel):
    """How many callbacks are sent again."""

    callbacks: int = Field(examples=[12])


def endpoint_view(endpoint: Endpoint) -> EndpointView:
    """Present an endpoint."""
    return EndpointView(**_parts_of(endpoint))


def endpoint_created(endpoint: Endpoint, secret: Secret) -> EndpointCreated:
    """Present an endpoint with its secret."""
    return EndpointCreated(**_parts_of(endpoint), secret=secret.text)


def secret_view(secrets: list[Secret]) -> SecretView:
    """Present the current secret."""
    current, *previous = secrets
    return SecretView(
        secret=current.text,
        created_at=current.created_at,
        previous_expires_at=previous[0].expires_at if previous else None,
    )


def callback_view(delivery: Delivery) -> CallbackView:
    """Present a callback in a list."""
    return CallbackView(**_parts(delivery))


def callback_detail(delivery: Delivery, attempts: list[Attempt]) -> CallbackDetail:
    """Present a callback with every try."""
    return CallbackDetail(**_parts(delivery), attempts=[_attempt(each) for each in attempts])


def _parts_of(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "include_children": endpoint.hears_children,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
        "disabled_at": endpoint.disabled_at,
        "failing_since": endpoint.failing_since,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _parts(delivery: Delivery) -> dict[str, Any]:
    return {
        "callback_id": delivery.id,
        "event": delivery.event,
        "job_id": delivery.job_id,
        "endpoint_id": delivery.endpoint_id,
        "url": delivery.url,
        "channel": delivery.via,
        "recipients": delivery.recipients,
        "status": delivery.status,
        "attempt_count": delivery.attempts,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.next_attempt_at,
        "ended_at": delivery.ended_at,
    }


def _attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        started_at=attempt.started_at,
        duration_ms=round(attempt.duration.total_seconds() * 1000),
        http_status=attempt.http_status,
        error_code=attempt.error,
        error_message=attempt.message,
        response_excerpt=attempt.excerpt,
    )
