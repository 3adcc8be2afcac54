"""The table `jobs`: the record of every job. `storage/job_moves.py` writes what changes."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from jobs.errors import JobNotFound
from jobs.fingerprints import fingerprint
from jobs.model import Failure, JobRef, Progress
from jobs.moments import JobSubmitted
from jobs.money import Cost, Usage
from jobs.notifications import ChannelUse, Notice
from jobs.options import JobOptions
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage.database import Database
from telemetry.observer import observe


@dataclass(frozen=True)
class NewJob:
    """A job about to be inserted.

    Attributes:
        notify: Which channels are told of what.
        notify_asked: What the client said about that; the rest follows from the channels' rules.
    """

    id: JobId
    tenant: Tenant
    type: str
    payload: dict[str, Any]
    options: JobOptions = field(default_factory=JobOptions)
    labels: dict[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    traceparent: str | None = None
    callback_url: str | None = None
    notify: tuple[Notice, ...] = ()
    notify_asked: tuple[ChannelUse, ...] = ()

    @property
    def ref(self) -> JobRef:
        """The job's name."""
        return JobRef(tenant=self.tenant, job_id=self.id, type=self.type)

    @property
    def stored_options(self) -> dict[str, Any]:
        """The options as the row keeps them: null stands for no choice, and is left out.

        Other defaults are kept, so that a later version's change no job that is there.
        """
        return self.options.model_dump(mode="json", exclude_none=True)

    @property
    def fingerprint(self) -> str:
        """Hash of everything the client chose, so that a replay is told from a reused key."""
        # Without defaults: an option added by a later version must not make a replay look new.
        options = self.options.model_dump(exclude_defaults=True)
        chosen: list[Any] = [self.type, self.payload, options, self.labels]
        # Only when there are some: rows from before there were any keep their fingerprint.
        chosen += [self.callback_url] if self.callback_url else []
        asked = [each.model_dump(mode="json") for each in self.notify_asked]
        return fingerprint(chosen + ([asked] if asked else []))


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
    ancestors: tuple[JobId, ...]
    child_key: str | None
    fingerprint: str
    retry_count: int
    progress: Progress
    waiting_for: str | None
    cost: Cost
    cancel_requested_at: datetime | None
    work_ended_at: datetime | None
    last_seq: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    traceparent: str | None

    @property
    def wants_answers(self) -> bool:
        """Whether an answer that comes now can still be used."""
        is_over = self.status.is_terminal or self.cancel_requested_at or self.work_ended_at
        return not is_over


WANTS_ANSWERS = """status IN ('pending', 'running')
    AND cancel_requested_at IS NULL AND work_ended_at IS NULL"""
"""`JobRow.wants_answers`, in statements."""

COST = """cost_usd, input_tokens, cached_tokens, cache_write_tokens, output_tokens,
    reasoning_tokens, settled_responses, unpriced_responses"""
"""What `to_cost` reads."""

COLUMNS = f"""id, tenant, type, status, payload, options, labels, error_code, error_message,
    result IS NOT NULL OR result_key IS NOT NULL AS has_result, result_key, parent_id, root_id,
    ancestors, child_key, fingerprint, retry_count, progress_stage, progress_current,
    progress_total, waiting_for, {COST}, cancel_requested_at, work_ended_at,
    last_seq, created_at, started_at, completed_at, updated_at, traceparent"""
"""Everything but the result, which may be large and is fetched on its own."""


async def insert(db: Database, job: NewJob) -> tuple[JobRow, bool]:
    """Insert a pending job with its first event, or find the one with the same idempotency key.

    Returns:
        The row, and whether this call made it.
    """
    row = await db.fetchrow(
        f"""
        WITH job AS (
            INSERT INTO jobs (id, tenant, type, payload, options, labels, root_id,
                              idempotency_key, fingerprint, traceparent, callback_url, notify,
                              last_seq)
            VALUES ($1, $2, $3, $4, $5, $6, $1, $7, $8, $9, $10, $11, 1)
            ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
            RETURNING *),
        event AS (INSERT INTO job_events (job_id, seq, type) SELECT id, 1, 'created' FROM job)
        SELECT {COLUMNS} FROM job
        """,  # noqa: S608 # COLUMNS is a constant of this file
        job.id,
        job.tenant,
        job.type,
        job.payload,
        job.stored_options,
        job.labels,
        job.idempotency_key,
        job.fingerprint,
        job.traceparent,
        job.callback_url,
        [each.stored for each in job.notify],
    )
    if row is not None:
        observe(JobSubmitted(job=job.ref, labels=job.labels))
        return to_row(row), True
    key = job.idempotency_key
    found = await by_key(db, job.tenant, key) if key else None
    if found is None:
        raise JobNotFound(f"the job with Idempotency-Key {key!r} has just vanished")
    return found, False


async def by_key(db: Database, tenant: Tenant, key: str) -> JobRow | None:
    """Return the job that was submitted with an idempotency key, None when there is none."""
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM jobs WHERE tenant = $1 AND idempotency_key = $2",  # noqa: S608 # constant
        tenant,
        key,
    )
    return to_row(row) if row is not None else None


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


def to_row(row: asyncpg.Record) -> JobRow:
    """Turn a record with `COLUMNS` into a `JobRow`."""
    return JobRow(
        id=row["id"],
        tenant=Tenant(row["tenant"]),
        type=row["type"],
        status=JobStatus(row["status"]),
        payload=row["payload"],
        options=JobOptions.model_validate(JobOptions.known(row["options"])),
        labels=row["labels"],
        failure=to_failure(row),
        has_result=row["has_result"],
        result_key=row["result_key"],
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        ancestors=tuple(row["ancestors"]),
        child_key=row["child_key"],
        fingerprint=row["fingerprint"],
        retry_count=row["retry_count"],
        progress=Progress(
            stage=row["progress_stage"],
            current=row["progress_current"],
            total=row["progress_total"],
        ),
        waiting_for=row["waiting_for"],
        cost=to_cost(row),
        cancel_requested_at=row["cancel_requested_at"],
        work_ended_at=row["work_ended_at"],
        last_seq=row["last_seq"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        updated_at=row["updated_at"],
        traceparent=row["traceparent"],
    )


def to_failure(row: asyncpg.Record) -> Failure | None:
    """Return why the job of a record failed, None when it did not."""
    if row["error_code"] is None:
        return None
    return Failure(code=row["error_code"], message=row["error_message"] or "")


def to_cost(row: asyncpg.Record) -> Cost:
    """Return what the job of a record cost so far."""
    usd: Decimal | None = row["cost_usd"]
    return Cost(
        usd=usd,
        usage=Usage(**{name: row[name] for name in Usage.model_fields}),
        responses=row["settled_responses"],
        unpriced_responses=row["unpriced_responses"],
    )
