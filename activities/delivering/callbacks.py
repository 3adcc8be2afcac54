"""Implements `DeliveryDeeds`: one attempt at a callback."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from temporalio import activity

from activities.delivering.gate import Gate
from activities.delivering.message import Writer, signed_headers
from activities.delivering.posting import Poster, Reply
from activities.delivering.turns import due, tried, turned_away
from jobs.callbacks import (
    LONGEST_RETRY_AFTER,
    AttemptError,
    AttemptRequest,
    UrlPolicy,
    Verdict,
    target_of,
)
from jobs.errors import CallbackRefused, JobNotFound
from jobs.ports import DeliveryDeeds
from jobs.retry_after import seconds_of
from storage import deliveries, secrets
from storage.database import Database
from storage.deliveries import Attempt, Delivery
from storage.sealing import Vault
from telemetry import instruments, traces
from telemetry.logs import about_job

TRACE_HEADER = "traceparent"
"""With it a receiver's own trace goes on from ours. It holds two random numbers and a flag, and
is not signed: nothing may be decided by it."""

SUCCESSES, REDIRECTS = range(200, 300), range(300, 400)


@dataclass(frozen=True)
class Callbacks(DeliveryDeeds):
    """The deed that sends callbacks.

    Attributes:
        disable_after: How long an endpoint may fail without one success.
        concurrent: Attempts that one worker makes at the same time.
        operators: Who hears of disabled endpoints, as the outbox reads it.
    """

    db: Database
    vault: Vault
    writer: Writer
    poster: Poster
    gate: Gate
    policy: UrlPolicy
    disable_after: timedelta
    concurrent: int
    operators: Sequence[dict[str, Any]] = ()

    @activity.defn(name="attempt_callback")
    async def attempt_callback(self, request: AttemptRequest) -> Verdict:
        """Send a callback once and write down how it went, unless there is nothing to do."""
        delivery = await due(self.db, request)
        if delivery is None:
            return Verdict()
        with about_job(str(delivery.job_id or "")):
            with self.gate.place_at(_receiver(delivery)) as wait:
                if wait is not None:
                    return await turned_away(self.db, delivery, wait)
                began = datetime.now(UTC)
                reply = await self._post(delivery)
            return await self._settle(delivery, request.pause, began, reply)

    async def _post(self, delivery: Delivery) -> Reply:
        if not delivery.accepted:
            return _unsent(AttemptError.ENDPOINT_DISABLED, "the endpoint is disabled")
        try:
            # Judged again: the policy may have changed since the door let the URL in.
            target = target_of(delivery.url or "", self.policy)
            body = await self.writer.body_of(delivery)
        except CallbackRefused as error:
            return _unsent(AttemptError.URL_REFUSED, error.detail)
        except JobNotFound as error:
            return _unsent(AttemptError.GONE, error.detail)
        found = await secrets.signing(self.db, self.vault, delivery.tenant, delivery.endpoint_id)
        with traces.posting(target.host, target.port) as span:
            headers = signed_headers(delivery, body, found)
            if here := traces.current():
                headers[TRACE_HEADER] = here
            reply = await self.poster.post(target, headers, body)
            traces.replied(span, reply.status, _error(reply))
        return reply

    async def _settle(
        self, delivery: Delivery, pause: timedelta | None, began: datetime, reply: Reply
    ) -> Verdict:
        error = _error(reply)
        attempt = Attempt(
            started_at=began,
            duration=reply.took,
            http_status=reply.status,
            error=error,
            message=reply.message,
            excerpt=reply.excerpt,
        )
        verdict = await tried(self.db, delivery, attempt, pause, _asked_wait(reply))
        if error is not None and delivery.endpoint_id is not None:
            gone = reply.status == HTTPStatus.GONE
            disabled = await deliveries.disable_if_due(
                self.db,
                delivery.endpoint_id,
                gone=gone,
                after=self.disable_after,
                operators=self.operators,
            )
            if disabled:
                instruments.ENDPOINTS_DISABLED.add(1, {"reason": "gone" if gone else "failing"})
                activity.logger.warning("endpoint %s was disabled: %s", delivery.endpoint_id, error)
                return Verdict()
        return verdict


def _error(reply: Reply) -> AttemptError | None:
    if reply.status is None:
        return reply.error
    if reply.status in SUCCESSES:
        return None
    if reply.status in REDIRECTS:
        return AttemptError.REDIRECTED
    return AttemptError.GONE if reply.status == HTTPStatus.GONE else AttemptError.REFUSED


def _asked_wait(reply: Reply) -> timedelta:
    try:
        seconds = seconds_of(reply.retry_after or "0", datetime.now(UTC))
    except ValueError:
        return timedelta(0)
    if not math.isfinite(seconds) or seconds > LONGEST_RETRY_AFTER.total_seconds():
        return LONGEST_RETRY_AFTER
    return timedelta(seconds=max(seconds, 0))


def _unsent(error: AttemptError, message: str) -> Reply:
    return Reply(timedelta(0), error=error, message=message)


def _receiver(delivery: Delivery) -> str:
    """Name who answers: the endpoint, or the server of a job's own URL, for each tenant apart."""
    if delivery.endpoint_id is not None:
        return str(delivery.endpoint_id)
    return f"{delivery.tenant} {urlsplit(delivery.url or '').netloc.lower()}"
