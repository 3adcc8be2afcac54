"""The table `jobs`: the record of every job, written by compare-and-set."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from jobs.errors import JobNotFound
from jobs.fingerprints import fingerprint
from jobs.model import Ending, Failure, Progress, ProgressReport, Standing
from jobs.money import Cost, Usage
from jobs.options import JobOptions
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage.database import Database


@dataclass(frozen=True)
class NewJob:
    """A job about to be inserted."""

    id: JobId
    tenant: Tenant
    type: str
    payload: dict[str, Any]
    options: JobOptions = field(default_factory=JobOptions)
    labels: dict[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of everything the client chose, so that a replay is told from a reused key."""
        return fingerprint([self.type, self.payload, self.options.model_dump(), self.labels])


@dataclass(frozen=True)
class JobRow:
    """One row, as the rest of the program sees it."""

    id: JobId
    tenant: Tenant
    type: str
    status: JobStatus
    payload: dict[str, Any]
    options: JobOptions
    labels: dict[str, str]
    failure: Failure | None
    has_result: bool
    result_key: str | None
    parent_id: JobId | None
    root_id: JobId
    fingerprint: str
    retry_count: int
    progress: Progress
    waiting_for: str | None
    cost: Cost
    cancel_requested_at: datetime | None
    last_seq: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


COLUMNS = """id, tenant, type, status, payload, options, labels, error_code, error_message,
    result IS NOT NULL OR result_key IS NOT NULL AS has_result, result_key, parent_id, root_id,
    fingerprint, retry_count, progress_stage, progress_current, progress_total, waiting_for,
    cost_usd, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
    settled_responses, unpriced_responses, cancel_requested_at, last_seq,
    created_at, started_at, completed_at, updated_at"""
"""Everything but the result, which may be large and is fetched on its own."""

NUL_ESCAPE = re.compile(r"(\\\\)|\\u0000")
"""NUL in JSON text; an escaped backslash is matched first, since `u0000` may just follow one."""


async def insert(db: Database, job: NewJob) -> tuple[JobRow, bool]:
    """Insert a pending job with its first event, or find the one with the same idempotency key.

    Returns:
        The row, and whether this call made it.
    """
    row = await db.fetchrow(
        f"""
        WITH job AS (
            INSERT INTO jobs (id, tenant, type, payload, options, labels, root_id,
                              idempotency_key, fingerprint, last_seq)
            VALUES ($1, $2, $3, $4, $5, $6, $1, $7, $8, 1)
            ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
            RETURNING *),
        event AS (INSERT INTO job_events (job_id, seq, type) SELECT id, 1, 'created' FROM job)
        SELECT {COLUMNS} FROM job
        """,  # noqa: S608 # COLUMNS is a constant of this file
        job.id,
        job.tenant,
        job.type,
        job.payload,
        job.options.model_dump(mode="json"),
        job.labels,
        job.idempotency_key,
        job.fingerprint,
    )
    if row is not None:
        return to_row(row), True
    found = await db.fetchrow(
        f"SELECT {COLUMNS} FROM jobs WHERE tenant = $1 AND idempotency_key = $2",  # noqa: S608 # constant
        job.tenant,
        job.idempotency_key,
    )
    if found is None:
        raise JobNotFound(f"the job with Idempotency-Key {job.idempotency_key!r} has just vanished")
    return to_row(found), False


async def get(db: Database, tenant: Tenant, job_id: JobId) -> JobRow:
    """Return a job.

    Raises:
        JobNotFound: The tenant has no such job.
    """
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM jobs WHERE tenant = $1 AND id = $2",  # noqa: S608 # constant
        tenant,
        job_id,
    )
    if row is None:
        raise JobNotFound(f"no job {str(job_id)!r}")
    return to_row(row)


async def get_result(db: Database, tenant: Tenant, job_id: JobId) -> Any:
    """Return the result in the row, None when there is none or it lies in the object store."""
    return await db.fetchval(
        "SELECT result FROM jobs WHERE tenant = $1 AND id = $2", tenant, job_id
    )


async def request_cancel(
    db: Database, tenant: Tenant, job_id: JobId, *, by: str, reason: str | None
) -> JobStatus:
    """Write down that somebody wants the job canceled; the first request is the one that counts.

    A finished job is left alone. Returns the status as it stands.

    Raises:
        JobNotFound: The tenant has no such job.
    """
    status = await db.fetchval(
        """
        WITH job AS (
            UPDATE jobs SET cancel_requested_at = now(), cancel_requested_by = $3,
                cancel_reason = $4, last_seq = last_seq + 1, updated_at = now()
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running')
                AND cancel_requested_at IS NULL
            RETURNING id, status, last_seq),
        event AS (
            INSERT INTO job_events (job_id, seq, type, data)
            SELECT id, last_seq, 'cancel_requested',
                jsonb_build_object('by', $3::text, 'reason', $4::text) FROM job)
        SELECT status FROM job
        """,
        tenant,
        job_id,
        by,
        reason,
    )
    if status is None:
        # A statement of its own: the job may have ended while the first one waited for the row.
        return (await get(db, tenant, job_id)).status
    return JobStatus(status)


async def finish(db: Database, ending: Ending, *, result_key: str | None = None) -> Standing:
    """Compare-and-set the terminal status; a cancel requested before wins over any other ending.

    A result whose key is given lies in the object store and is left out of the row.

    Raises:
        JobNotFound: The tenant has no such job.
    """
    failure = ending.failure
    row = await db.fetchrow(
        """
        WITH ended AS (
            SELECT id, CASE WHEN cancel_requested_at IS NULL THEN $3 ELSE 'canceled' END AS status
            FROM jobs WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running')
            FOR UPDATE),
        job AS (
            UPDATE jobs SET status = ended.status,
                result = CASE WHEN ended.status = 'succeeded' THEN $4::text::jsonb END,
                result_key = CASE WHEN ended.status = 'succeeded' THEN $5 END,
                error_code = CASE WHEN ended.status = 'failed' THEN $6 END,
                error_message = CASE WHEN ended.status = 'failed' THEN $7 END,
                progress_stage = $8, progress_current = $9, progress_total = $10,
                waiting_for = NULL, started_at = COALESCE(started_at, $11), completed_at = now(),
                last_seq = last_seq + 1, updated_at = now()
            FROM ended WHERE jobs.id = ended.id
            RETURNING jobs.id, jobs.status, last_seq, error_code, error_message),
        event AS (
            INSERT INTO job_events (job_id, seq, type, data)
            SELECT id, last_seq, status, jsonb_strip_nulls(jsonb_build_object(
                'code', error_code, 'message', error_message)) FROM job)
        SELECT status, error_code, error_message FROM job
        UNION ALL
        SELECT status, error_code, error_message FROM jobs WHERE tenant = $1 AND id = $2
        LIMIT 1
        """,
        ending.job.tenant,
        ending.job.job_id,
        ending.status,
        None if result_key or ending.result is None else _json_without_nul(ending.result),
        result_key,
        failure.code if failure else None,
        _without_nul(failure.message) if failure else None,
        _without_nul(ending.progress.stage),
        ending.progress.current,
        ending.progress.total,
        ending.started_at,
    )
    if row is None:
        raise JobNotFound(f"no job {str(ending.job.job_id)!r}")
    standing = Standing(status=JobStatus(row["status"]), failure=_failure(row))
    if standing.status.is_terminal:
        return standing
    # Somebody else ended the job while this statement waited for the row: its snapshot is too old.
    stood = await get(db, ending.job.tenant, ending.job.job_id)
    return Standing(status=stood.status, failure=stood.failure)


async def write_progress(db: Database, report: ProgressReport) -> None:
    """Write a progress with its event; a job that has ended keeps its last one."""
    await db.execute(
        """
        WITH old AS (
            SELECT id, status FROM jobs
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running') FOR UPDATE),
        job AS (
            UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, now()),
                progress_stage = $3, progress_current = $4, progress_total = $5,
                waiting_for = $6, last_seq = last_seq + 1 + (old.status = 'pending')::int,
                updated_at = now()
            FROM old WHERE jobs.id = old.id
            RETURNING jobs.id, last_seq, old.status AS was),
        started AS (
            INSERT INTO job_events (job_id, seq, type)
            SELECT id, last_seq - 1, 'started' FROM job WHERE was = 'pending')
        INSERT INTO job_events (job_id, seq, type, data)
        SELECT id, last_seq, 'progress', jsonb_strip_nulls(jsonb_build_object('stage', $3::text,
            'current', $4::bigint, 'total', $5::bigint, 'waiting_for', $6::text)) FROM job
        """,
        report.job.tenant,
        report.job.job_id,
        _without_nul(report.progress.stage),
        report.progress.current,
        report.progress.total,
        None if report.waiting_for is None else _without_nul(report.waiting_for),
    )


async def mark_running(db: Database, tenant: Tenant, job_id: JobId) -> bool:
    """Mark a job running, with its event when it was pending.

    Returns:
        Whether the job may go on: False once it has ended or its cancel was requested.
    """
    found = await db.fetchval(
        """
        WITH old AS (
            SELECT id, status FROM jobs
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running')
                AND cancel_requested_at IS NULL
            FOR UPDATE),
        job AS (
            UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, now()),
                last_seq = last_seq + 1, updated_at = now()
            FROM old WHERE jobs.id = old.id AND old.status = 'pending'
            RETURNING jobs.id, last_seq),
        event AS (INSERT INTO job_events (job_id, seq, type)
                  SELECT id, last_seq, 'started' FROM job)
        SELECT id FROM old
        """,
        tenant,
        job_id,
    )
    return found is not None


def to_row(row: asyncpg.Record) -> JobRow:
    """Turn a record with `COLUMNS` into a `JobRow`."""
    return JobRow(
        id=row["id"],
        tenant=Tenant(row["tenant"]),
        type=row["type"],
        status=JobStatus(row["status"]),
        payload=row["payload"],
        options=JobOptions.model_validate(row["options"]),
        labels=row["labels"],
        failure=_failure(row),
        has_result=row["has_result"],
        result_key=row["result_key"],
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        fingerprint=row["fingerprint"],
        retry_count=row["retry_count"],
        progress=Progress(
            stage=row["progress_stage"],
            current=row["progress_current"],
            total=row["progress_total"],
        ),
        waiting_for=row["waiting_for"],
        cost=_cost(row),
        cancel_requested_at=row["cancel_requested_at"],
        last_seq=row["last_seq"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        updated_at=row["updated_at"],
    )


def _without_nul(text: str) -> str:
    # Postgres has no NUL in text or jsonb, and a job must not be unable to end because of one.
    return text.replace("\x00", "")


def _json_without_nul(text: str) -> str:
    return NUL_ESCAPE.sub(r"\1", text)


def _failure(row: asyncpg.Record) -> Failure | None:
    if row["error_code"] is None:
        return None
    return Failure(code=row["error_code"], message=row["error_message"] or "")


def _cost(row: asyncpg.Record) -> Cost:
    usd: Decimal | None = row["cost_usd"]
    return Cost(
        usd=usd,
        usage=Usage(**{name: row[name] for name in Usage.model_fields}),
        responses=row["settled_responses"],
        unpriced_responses=row["unpriced_responses"],
    )
