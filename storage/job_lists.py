"""Questions about many jobs: pages for clients, durations for estimates, leftovers to repair."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jobs.forecasts import History
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage.database import Database
from storage.jobs import COLUMNS, JobRow, to_row
from storage.where import Where

RECENT = 100
"""Finished jobs per tenant and type that an estimate looks at."""

START_CHECK = timedelta(minutes=5)
"""How long a pending job whose workflow was seen to is left alone: it waits for a worker."""

START_CLAIM = timedelta(seconds=30)
"""The same while nobody has said that it was: whoever claimed it may have died."""

CANCEL_REST = timedelta(minutes=5)
"""The longest time between two repeats of a cancel. A workflow takes 10,000 signals."""


@dataclass(frozen=True)
class Filter:
    """Which jobs to list; None and an empty dict do not filter.

    Attributes:
        parent: Only jobs that this one runs.
        root: True for only those that no job runs, False for only those that one does.
    """

    statuses: tuple[JobStatus, ...] = ()
    type: str | None = None
    labels: dict[str, str] | None = None
    created_after: datetime | None = None
    parent: JobId | None = None
    root: bool | None = None


@dataclass(frozen=True)
class Position:
    """Where a page begins: after this job, newest first."""

    created_at: datetime
    id: JobId


@dataclass(frozen=True)
class Durations:
    """Seconds from submission to the end, over recent successes of one job type."""

    count: int
    median: float
    p95: float


async def page(
    db: Database, tenant: Tenant, wanted: Filter, *, after: Position | None, limit: int
) -> list[JobRow]:
    """Return up to `limit` jobs, newest first, that follow a position."""
    where = Where("tenant = {}", tenant)
    where.add_one_of("status", wanted.statuses)
    if wanted.type:
        where.add("type = {}", wanted.type)
    if wanted.labels:
        where.add("labels @> {}", wanted.labels)
    if wanted.created_after:
        where.add("created_at > {}", wanted.created_after)
    if wanted.parent:
        where.add("parent_id = {}", wanted.parent)
    if wanted.root is not None:
        where.add(f"parent_id IS {'' if wanted.root else 'NOT '}NULL")
    if after:
        where.add("(created_at, id) < ({}, {})", after.created_at, after.id)
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM jobs {where} "  # noqa: S608 # only constants and $n
        f"ORDER BY created_at DESC, id DESC LIMIT {int(limit)}",
        *where.values,
    )
    return [to_row(row) for row in rows]


async def durations(db: Database, tenant: Tenant, job_type: str) -> Durations | None:
    """Return how long a tenant's recent jobs of a type took, None when none has succeeded yet."""
    row = await db.fetchrow(
        """
        SELECT count(*) AS count,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95
        FROM (SELECT extract(epoch FROM completed_at - created_at)::float8 AS seconds
              FROM jobs WHERE tenant = $1 AND type = $2 AND status = 'succeeded'
              ORDER BY completed_at DESC LIMIT $3) AS recent
        """,
        tenant,
        job_type,
        RECENT,
    )
    if row is None or row["count"] == 0:
        return None
    return Durations(row["count"], row["median"], row["p95"])


async def histories(db: Database, tenant: Tenant, job_types: Collection[str]) -> dict[str, History]:
    """Return what a tenant's recent successes of each type took; types without any are left out."""
    rows = await db.fetch(
        """
        SELECT wanted.type, count(*) AS finished,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_seconds,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds,
            count(price) AS priced,
            percentile_disc(0.1) WITHIN GROUP (ORDER BY price) AS low_usd,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY price) AS typical_usd,
            percentile_disc(0.9) WITHIN GROUP (ORDER BY price) AS high_usd
        FROM unnest($2::text[]) AS wanted (type), LATERAL (
            SELECT extract(epoch FROM completed_at - created_at)::float8 AS seconds,
                -- A job with a response of unknown price has no known price; one without any
                -- response was free.
                CASE WHEN unpriced_responses > 0 THEN NULL
                     WHEN settled_responses = 0 THEN 0 ELSE cost_usd END AS price
            FROM jobs WHERE tenant = $1 AND jobs.type = wanted.type AND status = 'succeeded'
            ORDER BY completed_at DESC LIMIT $3) AS recent
        GROUP BY wanted.type
        """,
        tenant,
        list(job_types),
        RECENT,
    )
    return {row["type"]: History(**{k: v for k, v in row.items() if k != "type"}) for row in rows}


async def unstarted(
    db: Database, *, older_than: timedelta, younger_than: timedelta, limit: int
) -> list[JobRow]:
    """Claim pending jobs whose workflow may never have been started, the oldest check first.

    Not those that a job runs: their parent starts them. Nor those that are to be canceled:
    `unanswered_cancels` has them. Each one is handed out again after `START_CLAIM`, unless
    `checked` or `unchecked` is called for it.
    """
    rows = await db.fetch(
        f"""
        UPDATE jobs SET start_checked_at = now() - $4::interval + $5::interval WHERE id IN (
            SELECT id FROM jobs
            WHERE status = 'pending' AND parent_id IS NULL AND cancel_requested_at IS NULL
                AND created_at < now() - $1::interval
                AND created_at > now() - $2::interval
                AND COALESCE(start_checked_at, '-infinity') < now() - $4::interval
            ORDER BY start_checked_at NULLS FIRST, created_at LIMIT $3
            FOR UPDATE SKIP LOCKED)
        RETURNING {COLUMNS}
        """,  # noqa: S608 # constant
        older_than,
        younger_than,
        limit,
        START_CHECK,
        START_CLAIM,
    )
    return [to_row(row) for row in rows]


async def awaits_start(db: Database, job_id: JobId) -> bool:
    """Tell whether a job is still pending and wanted."""
    found: bool = await db.fetchval(
        """
        SELECT EXISTS (SELECT FROM jobs
            WHERE id = $1 AND status = 'pending' AND cancel_requested_at IS NULL)
        """,
        job_id,
    )
    return found


async def checked(db: Database, job_ids: list[JobId]) -> None:
    """Leave jobs alone for a while: their workflows were started, or cannot be."""
    await db.execute("UPDATE jobs SET start_checked_at = now() WHERE id = ANY($1)", job_ids)


async def unchecked(db: Database, job_ids: list[JobId]) -> None:
    """Give jobs back to `unstarted`: their workflow could not be started this time."""
    await db.execute("UPDATE jobs SET start_checked_at = NULL WHERE id = ANY($1)", job_ids)


async def still_open(db: Database, job_ids: list[JobId]) -> list[JobRow]:
    """Return those of the jobs that have not ended in the record."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM jobs "  # noqa: S608 # constant
        "WHERE id = ANY($1) AND status IN ('pending', 'running')",
        job_ids,
    )
    return [to_row(row) for row in rows]


async def quiet(
    db: Database, *, idle: timedelta, after: Position | None, limit: int
) -> list[JobRow]:
    """Return open jobs that nobody has written to for a while, oldest first, page by page."""
    rows = await db.fetch(
        f"""
        SELECT {COLUMNS} FROM jobs
        WHERE status IN ('pending', 'running') AND updated_at < now() - $1::interval
            AND (created_at, id) > ($2, $3)
        ORDER BY created_at, id LIMIT $4
        """,  # noqa: S608 # constant
        idle,
        after.created_at if after else datetime.min,  # noqa: DTZ901 # Postgres's own -infinity
        after.id if after else UUID(int=0),
        limit,
    )
    return [to_row(row) for row in rows]


async def unanswered_cancels(db: Database, *, older_than: timedelta, limit: int) -> list[JobRow]:
    """Claim open jobs whose cancel was requested a while ago, for twice as long each time.

    So those whose workflow cannot be told, or takes long to end, do not keep others from being
    claimed. The longest wait is `CANCEL_REST`.
    """
    rows = await db.fetch(
        f"""
        UPDATE jobs SET cancel_repeat_at = now() + LEAST(now() - cancel_requested_at, $3::interval)
        WHERE id IN (
            SELECT id FROM jobs
            WHERE status IN ('pending', 'running') AND cancel_requested_at < now() - $1::interval
                AND COALESCE(cancel_repeat_at, '-infinity') < now()
            ORDER BY COALESCE(cancel_repeat_at, cancel_requested_at) LIMIT $2
            FOR UPDATE SKIP LOCKED)
        RETURNING {COLUMNS}
        """,  # noqa: S608 # constant
        older_than,
        limit,
        CANCEL_REST,
    )
    return [to_row(row) for row in rows]


async def untold_of_cancels(db: Database, job_ids: list[JobId]) -> None:
    """Give jobs back to `unanswered_cancels`, behind all others: Temporal did not answer."""
    await db.execute(
        # In the order in which everybody locks the rows of a family.
        """
        UPDATE jobs SET cancel_repeat_at = now() WHERE id IN (
            SELECT id FROM jobs WHERE id = ANY($1) ORDER BY id FOR UPDATE)
        """,
        job_ids,
    )


async def open_counts(db: Database) -> dict[tuple[str, str], int]:
    """Return how many jobs are open, by type and status, over all tenants."""
    rows = await db.fetch(
        "SELECT type, status, count(*) AS count FROM jobs "
        "WHERE status IN ('pending', 'running') GROUP BY type, status"
    )
    return {(row["type"], row["status"]): row["count"] for row in rows}


async def queued_since(
    db: Database, since: datetime | None
) -> tuple[list[tuple[str, float]], datetime]:
    """Return type and queue time in seconds of the jobs that have started since a moment.

    Returns:
        The jobs, none without a moment, and the moment to ask with next time.
    """
    now: datetime = await db.fetchval("SELECT now()")
    rows = await db.fetch(
        """
        SELECT type, extract(epoch FROM started_at - created_at)::float8 AS seconds FROM jobs
        WHERE started_at > $1 AND started_at <= $2
        """,
        since or now,
        now,
    )
    return [(row["type"], row["seconds"]) for row in rows], now
