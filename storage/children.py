"""Rows of the table `jobs` that other jobs open: made by their parent, found by their parent."""

from datetime import timedelta

from jobs.children import ChildOpening
from jobs.moments import JobStarted, JobSubmitted
from jobs.status import JobStatus
from storage.database import Database
from storage.jobs import COLUMNS, JobRow, NewJob, to_row
from telemetry.observer import observe


async def open_child(db: Database, opening: ChildOpening) -> JobRow | None:
    """Insert a pending child with its first event, tell the parent's events, mark it running.

    A row that is there already is returned as it is.

    Returns:
        None when there is none and the parent has ended or its cancel was requested.
    """
    job, wanted = opening.job, opening.child
    new = NewJob(job.job_id, job.tenant, job.type, wanted.payload, wanted.options)
    row = await db.fetchrow(
        f"""
        WITH parent AS (
            SELECT id, tenant, status, labels, root_id, ancestors, traceparent FROM jobs
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running')
                AND cancel_requested_at IS NULL
            FOR UPDATE),
        child AS (
            INSERT INTO jobs (id, tenant, type, payload, options, labels, parent_id, root_id,
                              ancestors, child_key, fingerprint, traceparent, last_seq)
            SELECT $3, tenant, $4, $5, $6, labels, id, root_id, ancestors || id, $7, $8,
                traceparent, 1
            FROM parent ON CONFLICT (id) DO NOTHING
            RETURNING *),
        created AS (INSERT INTO job_events (job_id, seq, type) SELECT id, 1, 'created' FROM child),
        told AS (
            UPDATE jobs SET status = 'running', started_at = COALESCE(jobs.started_at, now()),
                last_seq = jobs.last_seq + 1 + (parent.status = 'pending')::int, updated_at = now()
            FROM parent, child WHERE jobs.id = parent.id
            RETURNING jobs.id, jobs.last_seq, parent.status AS was),
        started AS (
            INSERT INTO job_events (job_id, seq, type)
            SELECT id, last_seq - 1, 'started' FROM told WHERE was = 'pending'),
        child_started AS (
            INSERT INTO job_events (job_id, seq, type, data)
            SELECT id, last_seq, 'child_started', jsonb_build_object(
                'job_id', $3::uuid, 'key', $7::text, 'type', $4::text) FROM told)
        SELECT {COLUMNS}, (SELECT was FROM told) AS parent_was FROM child
        """,  # noqa: S608 # constant
        opening.parent.tenant,
        opening.parent.job_id,
        new.id,
        new.type,
        new.payload,
        new.stored_options,
        wanted.key,
        new.fingerprint,
    )
    if row is not None:
        if row["parent_was"] == JobStatus.PENDING:
            observe(JobStarted(job=opening.parent))
        child = to_row(row)
        observe(JobSubmitted(job=job, parent_id=child.parent_id, labels=child.labels))
        return child
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM jobs WHERE tenant = $1 AND id = $2",  # noqa: S608 # constant
        new.tenant,
        new.id,
    )
    return to_row(row) if row else None


async def orphans(db: Database, *, idle: timedelta, limit: int) -> list[JobRow]:
    """Return open children of ended parents that nobody has written to for a while."""
    rows = await db.fetch(
        f"""
        SELECT {COLUMNS} FROM jobs child
        WHERE parent_id IS NOT NULL AND status IN ('pending', 'running')
            AND updated_at < now() - $1::interval
            AND EXISTS (SELECT FROM jobs parent WHERE parent.id = child.parent_id
                AND parent.status IN ('succeeded', 'failed', 'canceled'))
        ORDER BY updated_at LIMIT $2
        """,  # noqa: S608 # constant
        idle,
        limit,
    )
    return [to_row(row) for row in rows]
