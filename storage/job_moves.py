"""How a job moves: running, progress, cancel requested, ended. Each move is one compare-and-set.

Every statement writes the event that tells of the move, numbered from the job's own row. One that
touches several jobs of a tree locks them first, in the order of their ids, here as in
`storage/responses.py`, so that no two wait for one another in a circle.
"""

from datetime import UTC, datetime

from jobs.errors import JobNotFound
from jobs.model import Ending, JobRef, ProgressReport, Standing
from jobs.moments import JobEnded, JobStarted
from jobs.status import JobStatus
from jobs.texts import keepable, keepable_json
from jobs.values import JobId, Tenant
from storage import ends
from storage.database import Database
from storage.document_states import LET_GO
from storage.jobs import COST, get, to_cost, to_failure
from storage.outbox import outbox, tell
from telemetry.observer import observe, observe_surely

FINISH = f"""
    WITH locked AS (
        SELECT id, status, cancel_requested_at FROM jobs
        WHERE tenant = $1 AND id IN ($2, (SELECT parent_id FROM jobs WHERE id = $2))
        ORDER BY id FOR UPDATE),
    ended AS (
        SELECT id, CASE WHEN cancel_requested_at IS NULL THEN $3 ELSE 'canceled' END AS status
        FROM locked WHERE id = $2 AND status IN ('pending', 'running')),
    job AS (
        UPDATE jobs SET status = ended.status,
            result = CASE WHEN ended.status = 'succeeded' THEN $4::text::json END,
            result_key = CASE WHEN ended.status = 'succeeded' THEN $5 END,
            error_code = CASE WHEN ended.status = 'failed' THEN $6 END,
            error_message = CASE WHEN ended.status = 'failed' THEN $7 END,
            progress_stage = $8, progress_current = $9, progress_total = $10,
            waiting_for = NULL, started_at = COALESCE(started_at, $11), completed_at = now(),
            last_seq = last_seq + 1, updated_at = now()
        FROM ended WHERE jobs.id = ended.id
        RETURNING jobs.*),
    let_go AS ({LET_GO}),
    withdrawn AS (
        UPDATE approvals SET state = 'withdrawn', decided_at = now()
        FROM job WHERE approvals.job_id = job.id AND approvals.state = 'open'),
    event AS (
        INSERT INTO job_events (job_id, seq, type, data)
        SELECT id, last_seq, status, jsonb_strip_nulls(jsonb_build_object(
            'code', error_code, 'message', error_message)) FROM job),
    parent AS (
        UPDATE jobs SET last_seq = jobs.last_seq + 1, updated_at = now()
        FROM locked, job WHERE jobs.id = locked.id AND locked.id = job.parent_id
            AND locked.status IN ('pending', 'running')
        RETURNING jobs.id, jobs.last_seq),
    told AS (
        INSERT INTO job_events (job_id, seq, type, data)
        SELECT parent.id, parent.last_seq, 'child_finished', jsonb_build_object(
            'job_id', job.id, 'key', child_key, 'type', type, 'status', status)
        FROM parent, job),
    happened AS (
        SELECT tenant, 'job.' || status AS event, '{{}}'::jsonb AS data, id AS job_id,
            callback_url AS url, notify, parent_id IS NOT NULL AS of_child,
            NULL::uuid AS of_endpoint
        FROM job),
    {outbox("happened")}
    SELECT status, error_code, error_message, {COST}, last_seq, TRUE AS is_new,
        (SELECT count(*) FROM outbox) AS outbox_rows FROM job
    UNION ALL
    SELECT status, error_code, error_message, {COST}, last_seq, FALSE, 0 FROM jobs
    WHERE tenant = $1 AND id = $2
    LIMIT 1
    """  # noqa: S608 # constant


async def request_cancel(
    db: Database, tenant: Tenant, job_id: JobId, *, by: str, reason: str | None
) -> JobStatus:
    """Write down that somebody wants a job canceled, and with it all jobs that it runs.

    The first request is the one that counts, for each of them; finished jobs are left alone.
    Returns the status as it stands.

    Raises:
        JobNotFound: The tenant has no such job.
    """
    status = await db.fetchval(
        """
        WITH RECURSIVE wanted AS (
            SELECT id FROM jobs
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running')
            UNION ALL
            SELECT child.id FROM jobs child JOIN wanted ON child.parent_id = wanted.id
            WHERE child.status IN ('pending', 'running')),
        locked AS (
            SELECT id FROM jobs
            WHERE id IN (SELECT id FROM wanted) AND status IN ('pending', 'running')
                AND cancel_requested_at IS NULL
            ORDER BY id FOR UPDATE),
        job AS (
            UPDATE jobs SET cancel_requested_at = now(), cancel_requested_by = $3,
                cancel_reason = $4, last_seq = last_seq + 1, updated_at = now()
            FROM locked WHERE jobs.id = locked.id
            RETURNING jobs.id, status, last_seq),
        event AS (
            INSERT INTO job_events (job_id, seq, type, data)
            SELECT id, last_seq, 'cancel_requested',
                jsonb_build_object('by', $3::text, 'reason', $4::text) FROM job)
        SELECT status FROM job WHERE id = $2
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

    A result whose key is given lies in the object store and is left out of the row. A parent that
    still goes on is told in its own events. Whoever wants to hear of the end gets a row in the
    outbox, in the same transaction.

    Raises:
        JobNotFound: The tenant has no such job.
    """
    failure = ending.failure
    row = await db.fetchrow(
        FINISH,
        ending.job.tenant,
        ending.job.job_id,
        ending.status,
        None if result_key or ending.result is None else keepable_json(ending.result),
        result_key,
        failure.code if failure else None,
        keepable(failure.message) if failure else None,
        keepable(ending.progress.stage),
        ending.progress.current,
        ending.progress.total,
        ending.started_at,
    )
    if row is None:
        raise JobNotFound(f"no job {str(ending.job.job_id)!r}")
    if row["is_new"]:
        await ends.tell(db, ending.job.job_id, row["last_seq"])
    if row["outbox_rows"]:
        await tell(db)
    standing = Standing(
        status=JobStatus(row["status"]),
        failure=to_failure(row),
        cost=to_cost(row),
        is_new=row["is_new"],
    )
    if not standing.status.is_terminal:
        # Somebody else ended the job while this statement waited for the row: what it saw is old.
        stood = await get(db, ending.job.tenant, ending.job.job_id)
        standing = Standing(status=stood.status, failure=stood.failure, cost=stood.cost)
    await _tell_of_end(ending, standing)
    return standing


async def _tell_of_end(ending: Ending, standing: Standing) -> None:
    spent = datetime.now(UTC) - ending.started_at if ending.started_at else None
    end = JobEnded(
        job=ending.job,
        status=standing.status,
        failure=standing.failure,
        cost=standing.cost,
        seconds=spent.total_seconds() if spent else None,
    )
    # Also when it had been recorded before: whoever recorded it may have died before it told.
    await observe_surely(end, is_new=standing.is_new)


async def write_progress(db: Database, report: ProgressReport) -> bool:
    """Write a progress with its event; a job that has ended keeps its last one.

    Returns:
        Whether it was written: the job has not ended.
    """
    was = await db.fetchval(
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
            SELECT id, last_seq - 1, 'started' FROM job WHERE was = 'pending'),
        event AS (
            INSERT INTO job_events (job_id, seq, type, data)
            SELECT id, last_seq, 'progress', jsonb_strip_nulls(jsonb_build_object('stage', $3::text,
                'current', $4::bigint, 'total', $5::bigint, 'waiting_for', $6::text)) FROM job)
        SELECT was FROM job
        """,
        report.job.tenant,
        report.job.job_id,
        keepable(report.progress.stage),
        report.progress.current,
        report.progress.total,
        None if report.waiting_for is None else keepable(report.waiting_for),
    )
    if was == JobStatus.PENDING:
        observe(JobStarted(job=report.job))
    return was is not None


async def mark_running(db: Database, job: JobRef) -> bool:
    """Mark a job running, with its event when it was pending.

    Returns:
        Whether the job may go on: False once it has ended or its cancel was requested.
    """
    was = await db.fetchval(
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
        SELECT status FROM old
        """,
        job.tenant,
        job.job_id,
    )
    if was == JobStatus.PENDING:
        observe(JobStarted(job=job))
    return was is not None


async def end_work(db: Database, job: JobRef) -> None:
    """Let no submit begin for a job any more: it is about to end, and only cleans up."""
    await db.execute(
        """
        UPDATE jobs SET work_ended_at = now()
        WHERE tenant = $1 AND id = $2 AND work_ended_at IS NULL
            AND status IN ('pending', 'running')
        """,
        job.tenant,
        job.job_id,
    )
