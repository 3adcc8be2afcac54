"""The tables `deliveries` and `delivery_attempts`: what others were told, and how each try went."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from jobs.callbacks import AttemptError, DeliveryStatus
from jobs.errors import CallbackNotFound
from jobs.moments import DeliveryAttempted
from jobs.values import DeliveryId, EndpointId, JobId, Tenant
from storage.database import Database
from storage.endpoints import abandon
from storage.outbox import outbox, tell
from telemetry.observer import observe

FAILURES_IN_A_ROW = 10
"""An endpoint with fewer is not disabled, however long ago the first one was: it is seldom used."""


@dataclass(frozen=True)
class Delivery:
    """One row.

    Attributes:
        url: Where it goes; of an endpoint, as it is now.
        accepted: Whether the endpoint still takes deliveries; a job's own URL always does.
        via: The channel of a notification; None for callbacks.
        recipients: Who gets it, instead of those of the channel.
        untold: Who is left of them after an attempt; None when all are.
    """

    id: DeliveryId
    tenant: Tenant
    channel: str
    event: str
    data: dict[str, Any]
    job_id: JobId | None
    endpoint_id: EndpointId | None
    url: str | None
    accepted: bool
    status: DeliveryStatus
    round: int
    attempts: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None
    via: str | None = None
    recipients: list[str] = field(default_factory=list)
    untold: list[str] | None = None


@dataclass(frozen=True)
class Attempt:
    """How one try went.

    Attributes:
        duration: From the first look-up to the end of the reply.
        http_status: None when no answer came.
        error: None when it was delivered.
        excerpt: The beginning of the reply's body.
        untold: Recipients whom a later attempt has to reach, when it reached only the others.
    """

    started_at: datetime
    duration: timedelta
    http_status: int | None = None
    error: AttemptError | None = None
    message: str | None = None
    excerpt: str | None = None
    untold: tuple[str, ...] | None = None


COLUMNS = """d.id, d.tenant, d.channel, d.event, d.data, d.job_id, d.endpoint_id,
    COALESCE(e.url, d.url) AS url, COALESCE(e.enabled, TRUE) AS accepted, d.status, d.round,
    d.attempts, d.last_error, d.created_at, d.next_attempt_at, d.ended_at, d.via, d.recipients,
    d.untold"""

ROWS = "FROM deliveries d LEFT JOIN endpoints e ON e.id = d.endpoint_id"


async def get(db: Database, tenant: Tenant, delivery_id: DeliveryId) -> Delivery:
    """Return a delivery.

    Raises:
        CallbackNotFound: The tenant has no such delivery.
    """
    row = await db.fetchrow(
        f"SELECT {COLUMNS} {ROWS} WHERE d.tenant = $1 AND d.id = $2",  # constants
        tenant,
        delivery_id,
    )
    if row is None:
        raise CallbackNotFound(f"no callback {str(delivery_id)!r}")
    return to_delivery(row)


RECORD = """
WITH old AS (
    -- An attempt does not count any more when the delivery was asked for again meanwhile, or was
    -- abandoned, unless it arrived.
    SELECT id, round = $2 AND (status IN ('pending', 'delivering') OR $3 = 'delivered') AS counts
    FROM deliveries WHERE id = $1 FOR UPDATE),
delivery AS (
    UPDATE deliveries d SET attempts = attempts + 1,
        last_error = CASE WHEN counts THEN $6 ELSE last_error END,
        status = CASE WHEN counts THEN $3 ELSE status END,
        next_attempt_at = CASE WHEN counts THEN $4 ELSE next_attempt_at END,
        ended_at = CASE WHEN counts AND $4::timestamptz IS NULL THEN now() ELSE ended_at END,
        untold = CASE WHEN counts THEN COALESCE($11::text[], untold) ELSE untold END
    FROM old WHERE d.id = old.id RETURNING d.id, attempts, tenant, endpoint_id),
attempt AS (
    INSERT INTO delivery_attempts (delivery_id, number, started_at, duration_ms, http_status,
        error_code, error_message, response_excerpt)
    SELECT id, attempts, $7, $8, $5, $6, $9, $10 FROM delivery),
endpoint AS (
    UPDATE endpoints e SET
        failures = CASE WHEN $6::text IS NULL THEN 0 ELSE failures + 1 END,
        failing_since = CASE WHEN $6::text IS NULL THEN NULL
            ELSE COALESCE(failing_since, $7::timestamptz) END,
        updated_at = now()
    FROM delivery d
    -- A receiver in good health costs no write.
    WHERE e.id = d.endpoint_id AND (e.failures > 0 OR $6::text IS NOT NULL))
SELECT id FROM delivery
"""  # constants
"""Writes down how an attempt went."""

DISABLE = f"""
WITH disabled AS (
    UPDATE endpoints SET enabled = FALSE, disabled_reason = $2, disabled_at = now(),
        updated_at = now()
    WHERE id = $1 AND enabled AND ($2 = 'gone' OR (
        failures >= $3 AND failing_since < now() - $4::interval))
    RETURNING id, tenant, url, disabled_reason, failing_since),
{abandon("SELECT id FROM disabled")},
happened AS (
    SELECT tenant, 'endpoint.disabled' AS event, NULL::uuid AS job_id, NULL::text AS url,
        FALSE AS of_child, id AS of_endpoint, $5::jsonb AS notify,
        jsonb_build_object('endpoint', jsonb_build_object(
            'endpoint_id', id, 'url', url, 'reason', disabled_reason,
            'failing_since', failing_since)) AS data
    FROM disabled),
{outbox("happened")}
SELECT (SELECT count(*) FROM disabled) AS disabled, (SELECT count(*) FROM outbox) AS told
"""  # noqa: S608 # constants
"""Disables an endpoint that is gone or has failed for too long, and tells the others."""


async def record(
    db: Database,
    delivery: Delivery,
    attempt: Attempt,
    status: DeliveryStatus,
    wait: timedelta | None,
) -> None:
    """Write down how an attempt went, and how the delivery stands after it.

    Args:
        db: The database.
        delivery: The delivery as it was read before the attempt.
        attempt: How it went.
        status: How the delivery stands, unless it was asked for again meanwhile.
        wait: How long until the next attempt; None when there is none.
    """
    ended = attempt.started_at + attempt.duration
    await db.execute(
        RECORD,
        delivery.id,
        delivery.round,
        status,
        None if wait is None else ended + wait,
        attempt.http_status,
        attempt.error,
        attempt.started_at,
        round(attempt.duration.total_seconds() * 1000),
        attempt.message,
        attempt.excerpt,
        attempt.untold,
    )
    observe(
        DeliveryAttempted(
            tenant=delivery.tenant,
            delivery_id=delivery.id,
            event=delivery.event,
            job_id=delivery.job_id,
            endpoint_id=delivery.endpoint_id,
            channel=delivery.via,
            status=status,
            error=attempt.error,
        )
    )


async def disable_if_due(
    db: Database,
    endpoint_id: EndpointId,
    *,
    gone: bool,
    after: timedelta,
    operators: Sequence[dict[str, Any]] = (),
) -> bool:
    """Disable an endpoint whose receiver is gone, or fails for long; tell whether that was done.

    The tenant's other endpoints hear of it, the operators do through channels as in the table
    `jobs`, and its other open deliveries are abandoned.
    """
    reason = "gone" if gone else "failing"
    row = await db.fetchrow(DISABLE, endpoint_id, reason, FAILURES_IN_A_ROW, after, list(operators))
    if row is not None and row["told"]:
        await tell(db)
    return row is not None and row["disabled"] > 0


async def postpone(db: Database, delivery: Delivery, wait: timedelta) -> None:
    """Note that a delivery waits for its receiver to have a hand free."""
    await db.execute(
        """
        UPDATE deliveries SET status = 'delivering', next_attempt_at = now() + $3::interval
        WHERE id = $1 AND round = $2 AND status IN ('pending', 'delivering')
        """,
        delivery.id,
        delivery.round,
        wait,
    )


def to_delivery(row: asyncpg.Record) -> Delivery:
    """Turn a record with `COLUMNS` into a `Delivery`."""
    return Delivery(**{**row, "status": DeliveryStatus(row["status"])})
