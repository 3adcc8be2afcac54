"""The log of callbacks and notifications: what became of them, and having them made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from jobs import notifications
from jobs.callbacks import TEST_EVENT, AttemptError, DeliveryStatus
from jobs.errors import EndpointDisabled
from jobs.notifications import NOTIFICATION
from jobs.values import DeliveryId, EndpointId, JobId, Tenant
from storage import forgetting
from storage.database import Database
from storage.deliveries import COLUMNS, ROWS, Attempt, Delivery, get, to_delivery
from storage.endpoints import Endpoint
from storage.outbox import tell
from storage.where import Where

MEMORY = timedelta(days=90)
"""How long the log of a delivery is kept after its end."""

AGAIN = """status = 'pending', round = round + 1, claimed_until = NULL, next_attempt_at = NULL,
    ended_at = NULL, untold = NULL"""
"""What makes a dispatcher take a delivery up once more."""


@dataclass(frozen=True)
class Filter:
    """Which deliveries to list; None and an empty tuple do not filter."""

    statuses: tuple[DeliveryStatus, ...] = ()
    event: str | None = None
    endpoint: EndpointId | None = None
    via: str | None = None
    job: JobId | None = None
    created_after: datetime | None = None


async def page(
    db: Database,
    tenant: Tenant,
    wanted: Filter,
    *,
    after: tuple[datetime, DeliveryId] | None,
    limit: int,
) -> list[Delivery]:
    """Return up to `limit` deliveries, newest first, that follow a position."""
    where = Where("d.tenant = {}", tenant)
    where.add_one_of("d.status", wanted.statuses)
    if wanted.event:
        where.add("d.event = {}", wanted.event)
    if wanted.endpoint:
        where.add("d.endpoint_id = {}", wanted.endpoint)
    if wanted.via:
        where.add("d.via = {}", wanted.via)
    if wanted.job:
        where.add("d.job_id = {}", wanted.job)
    if wanted.created_after:
        where.add("d.created_at > {}", wanted.created_after)
    if after:
        where.add("(d.created_at, d.id) < ({}, {})", *after)
    rows = await db.fetch(
        f"SELECT {COLUMNS} {ROWS} {where} "  # only constants and $n
        f"ORDER BY d.created_at DESC, d.id DESC LIMIT {int(limit)}",
        *where.values,
    )
    return [to_delivery(row) for row in rows]


async def attempts_at(
    db: Database, delivery_ids: list[DeliveryId]
) -> dict[DeliveryId, list[Attempt]]:
    """Return how each try at some deliveries went, in order."""
    rows = await db.fetch(
        """
        SELECT * FROM delivery_attempts WHERE delivery_id = ANY($1) ORDER BY delivery_id, number
        """,
        delivery_ids,
    )
    found: dict[DeliveryId, list[Attempt]] = {each: [] for each in delivery_ids}
    for row in rows:
        found[row["delivery_id"]].append(_attempt(row))
    return found


async def send_again(db: Database, tenant: Tenant, delivery_id: DeliveryId) -> Delivery:
    """Have a delivery made once more, whatever came of it; the retry table begins anew.

    Raises:
        CallbackNotFound: The tenant has no such delivery.
        EndpointDisabled: Its endpoint takes none.
    """
    delivery = await get(db, tenant, delivery_id)
    if not delivery.accepted:
        raise EndpointDisabled(f"endpoint {str(delivery.endpoint_id)!r} is disabled or deleted")
    await db.execute(
        f"UPDATE deliveries SET {AGAIN} WHERE tenant = $1 AND id = $2",  # noqa: S608 # constant
        tenant,
        delivery_id,
    )
    await tell(db)
    return await get(db, tenant, delivery_id)


async def recover(
    db: Database, tenant: Tenant, endpoint_id: EndpointId, since: datetime, until: datetime
) -> int:
    """Have everything made again that happened in a time and did not reach an endpoint.

    Returns:
        How many deliveries that are.
    """
    rows = await db.fetch(
        f"""
        UPDATE deliveries SET {AGAIN}
        WHERE tenant = $1 AND endpoint_id = $2 AND created_at >= $3 AND created_at < $4
            AND status IN ('exhausted', 'abandoned')
        RETURNING id
        """,  # noqa: S608 # constant
        tenant,
        endpoint_id,
        since,
        until,
    )
    if rows:
        await tell(db)
    return len(rows)


async def insert_test(
    db: Database, tenant: Tenant, endpoint: Endpoint, data: dict[str, Any]
) -> Delivery:
    """Have an endpoint told that somebody wants to see whether it works."""
    delivery_id = await db.fetchval(
        """
        INSERT INTO deliveries (tenant, event, data, endpoint_id, url)
        VALUES ($1, $2, $3, $4, $5) RETURNING id
        """,
        tenant,
        TEST_EVENT,
        data,
        endpoint.id,
        endpoint.url,
    )
    await tell(db)
    return await get(db, tenant, delivery_id)


async def insert_channel_test(
    db: Database, tenant: Tenant, channel: str, recipients: Sequence[str]
) -> Delivery:
    """Have a channel told that somebody wants to see whether it works."""
    delivery_id = await db.fetchval(
        """
        INSERT INTO deliveries (tenant, channel, via, recipients, event)
        VALUES ($1, $2, $3, $4, $5) RETURNING id
        """,
        tenant,
        NOTIFICATION,
        channel,
        list(recipients),
        notifications.TEST_EVENT,
    )
    await tell(db)
    return await get(db, tenant, delivery_id)


async def open_counts(db: Database) -> dict[str, int]:
    """Return how many deliveries have not ended, by status, over all tenants."""
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM deliveries WHERE status = 'pending') AS pending, "
        "(SELECT count(*) FROM deliveries WHERE status = 'delivering') AS delivering"
    )
    return dict(row) if row else {}


async def endpoint_counts(db: Database) -> dict[str, int]:
    """Return how many endpoints there are over all tenants, enabled ones and by why not."""
    rows = await db.fetch(
        "SELECT COALESCE(disabled_reason, 'enabled') AS state, count(*) AS count FROM endpoints "
        "WHERE deleted_at IS NULL GROUP BY 1"
    )
    return dict.fromkeys(("enabled", "by_owner", "gone", "failing"), 0) | {
        row["state"]: row["count"] for row in rows
    }


async def forget(db: Database) -> None:
    """Delete deliveries that ended long ago, the oldest first."""
    await forgetting.forget(db, "deliveries", key="id", moment="ended_at", memory=MEMORY)


def _attempt(row: asyncpg.Record) -> Attempt:
    code = row["error_code"]
    return Attempt(
        started_at=row["started_at"],
        duration=timedelta(milliseconds=row["duration_ms"]),
        http_status=row["http_status"],
        error=None if code is None else AttemptError(code),
        message=row["error_message"],
        excerpt=row["response_excerpt"],
    )
