"""`client.callbacks` and `client.endpoints`: who is told when jobs end, and what became of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from backburner.transport import Transport
from jobs.callbacks import DeliveryStatus, EventType
from jobs.values import Value

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
_GLANCE_SECONDS = 0.25


class Endpoint(Value):
    """A URL that hears of all jobs.

    Attributes:
        events: What it wants to hear of; empty means everything.
        include_children: Whether it also hears of jobs that other jobs started.
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


class Secret(Value):
    """A signing secret; until `previous_expires_at` the one before it signs, too."""

    secret: str
    created_at: datetime | None = None
    previous_expires_at: datetime | None = None


class Attempt(Value):
    """How one try to deliver went; `error_code` is None when it arrived."""

    started_at: datetime
    duration_ms: int
    http_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    response_excerpt: str | None = None


class Callback(Value):
    """What somebody was told, or is to be told.

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


class _CallbackPage(Value):
    callbacks: list[Callback]


class _EndpointList(Value):
    endpoints: list[Endpoint]


class Callbacks:
    """The log of callbacks, and the secret behind the `callback_url` of jobs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        status: DeliveryStatus | None = None,
        event: str | None = None,
        endpoint_id: UUID | str | None = None,
        channel: str | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[Callback]:
        """Yield callbacks and notifications, newest first; pages are fetched as they are needed."""
        wanted = {
            "status": status and status.value,
            "event": event,
            "endpoint_id": endpoint_id and str(endpoint_id),
            "channel": channel,
            "limit": page_size,
        }
        async for page in self._transport.pages("/api/callbacks", wanted):
            for callback in _CallbackPage.model_validate_json(page).callbacks:
                yield callback

    async def of_job(self, job_id: UUID | str) -> Sequence[Callback]:
        """Return what was told of a job, with every attempt."""
        path = f"/api/jobs/{quote(str(job_id), safe='')}/callbacks"
        reply = await self._transport.request("GET", path)
        return _CallbackPage.model_validate_json(reply.content).callbacks

    async def get(self, callback_id: UUID | str) -> Callback:
        """Return a callback with every attempt."""
        reply = await self._transport.request("GET", _path("callbacks", callback_id))
        return Callback.model_validate_json(reply.content)

    async def wait(
        self, callback_id: UUID | str, *, attempts: int, timeout: timedelta = MINUTE
    ) -> Callback:
        """Return a callback once so many attempts at it were made, or none will be made any more.

        When that takes longer than the timeout, it is returned as it stands.
        """
        until = time.monotonic() + timeout.total_seconds()
        while True:
            found = await self.get(callback_id)
            enough = found.attempt_count >= attempts or not found.status.is_open
            if enough or time.monotonic() > until:
                return found
            await asyncio.sleep(_GLANCE_SECONDS)

    async def redeliver(self, callback_id: UUID | str) -> Callback:
        """Have a callback sent once more, under the same id.

        Raises:
            ApiError: With code `endpoint_disabled` when its endpoint takes none.
        """
        path = _path("callbacks", callback_id, "redeliver")
        reply = await self._transport.request("POST", path)
        return Callback.model_validate_json(reply.content)

    async def secret(self) -> Secret:
        """Return the secret that signs what goes to the `callback_url` of jobs."""
        reply = await self._transport.request("GET", "/api/callback-secret")
        return Secret.model_validate_json(reply.content)

    async def rotate_secret(self, *, overlap: timedelta = DAY, force: bool = False) -> Secret:
        """Replace that secret; both sign during the overlap.

        Raises:
            ApiError: With code `rotation_under_way` during an earlier overlap, unless forced.
        """
        return await _rotated(self._transport, "/api/callback-secret/rotate", overlap, force)


class Endpoints:
    """URLs that hear of all jobs, each with a signing secret of its own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        url: str,
        *,
        description: str = "",
        events: Iterable[EventType | str] = (),
        include_children: bool = False,
    ) -> Endpoint:
        """Register a URL; the endpoint returned holds its secret, this once.

        Raises:
            ApiError: With code `callback_refused` when callbacks may not go there.
        """
        body = {
            "url": url,
            "description": description,
            "events": [str(each) for each in events],
            "include_children": include_children,
        }
        # Twice would make two, each of which is told everything.
        reply = await self._transport.request("POST", "/api/endpoints", json=body, repeatable=False)
        return Endpoint.model_validate_json(reply.content)

    async def list(self) -> Sequence[Endpoint]:
        """Return all endpoints, newest first."""
        reply = await self._transport.request("GET", "/api/endpoints")
        return _EndpointList.model_validate_json(reply.content).endpoints

    async def get(self, endpoint_id: UUID | str) -> Endpoint:
        """Return an endpoint, without its secret."""
        reply = await self._transport.request("GET", _path("endpoints", endpoint_id))
        return Endpoint.model_validate_json(reply.content)

    async def change(self, endpoint_id: UUID | str, **changes: Any) -> Endpoint:
        """Change `url`, `description`, `events`, `include_children` or `enabled`."""
        path = _path("endpoints", endpoint_id)
        reply = await self._transport.request("PATCH", path, json=changes)
        return Endpoint.model_validate_json(reply.content)

    async def delete(self, endpoint_id: UUID | str) -> None:
        """Delete an endpoint; what is on its way to it is abandoned."""
        await self._transport.request("DELETE", _path("endpoints", endpoint_id), repeatable=False)

    async def rotate_secret(
        self, endpoint_id: UUID | str, *, overlap: timedelta = DAY, force: bool = False
    ) -> Secret:
        """Replace the secret of an endpoint; both sign during the overlap.

        Raises:
            ApiError: With code `rotation_under_way` during an earlier overlap, unless forced.
        """
        path = _path("endpoints", endpoint_id, "rotate-secret")
        return await _rotated(self._transport, path, overlap, force)

    async def test(self, endpoint_id: UUID | str) -> Callback:
        """Have a callback of type `endpoint.test` sent; ask `callbacks.get` how it went."""
        path = _path("endpoints", endpoint_id, "test")
        reply = await self._transport.request("POST", path, repeatable=False)
        return Callback.model_validate_json(reply.content)

    async def recover(
        self, endpoint_id: UUID | str, since: datetime, until: datetime | None = None
    ) -> int:
        """Have everything sent again that happened in a time and never arrived; return how many."""
        body = {"since": since.isoformat()}
        body |= {"until": until.isoformat()} if until else {}
        path = _path("endpoints", endpoint_id, "recover")
        reply = await self._transport.request("POST", path, json=body)
        return int(reply.json()["callbacks"])


async def _rotated(transport: Transport, path: str, overlap: timedelta, force: bool) -> Secret:
    body = {"expire_previous_after_seconds": int(overlap.total_seconds()), "force": force}
    # Twice would end the overlap that the first one began.
    reply = await transport.request("POST", path, json=body, repeatable=False)
    return Secret.model_validate_json(reply.content)


def _path(kind: str, its_id: UUID | str, *more: str) -> str:
    return "/".join(("/api", kind, quote(str(its_id), safe=""), *more))
