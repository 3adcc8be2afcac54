"""The table `approvals`: what jobs showed to people, and what was decided.

Every writer locks the job's row first, as all writers of events do, and numbers its event from it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from jobs.approvals import (
    ApprovalReminder,
    ApprovalRequest,
    ApprovalSettlement,
    ApprovalStanding,
    ApprovalState,
    Default,
    Settlement,
)
from jobs.errors import JobCanceled
from jobs.values import JobId, Tenant
from storage.database import Database


@dataclass(frozen=True)
class Approval:
    """One row, as the rest of the program sees it."""

    job_id: JobId
    key: str
    title: str
    shown: Any
    digest: str
    editable: bool
    edits_schema: dict[str, Any] | None
    default: Default | None
    deadline: datetime
    reminders: int
    requested_at: datetime
    decided_at: datetime | None
    settlement: Settlement

    @property
    def state(self) -> ApprovalState:
        """Where the approval stands."""
        return self.settlement.state

    @property
    def is_open(self) -> bool:
        """Whether it can still be decided."""
        return self.state is ApprovalState.OPEN


COLUMNS = """a.job_id, a.key, a.title, a.shown, a.digest, a.editable, a.edits_schema,
    a.default_answer, a.deadline, a.reminders, a.requested_at, a.decided_at,
    a.state, a.comment, a.edits, a.decided_by, a.is_default, a.answer_id"""

REQUEST = """
    WITH old AS (
        SELECT id, status, root_id FROM jobs
        WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running')
            AND cancel_requested_at IS NULL
        FOR UPDATE),
    asked AS (
        INSERT INTO approvals AS a (job_id, tenant, root_id, key, title, shown, digest,
            editable, edits_schema, default_answer, deadline)
        SELECT id, $1, root_id, $3, $4, $5::text::jsonb, $6, $7, $8, $9, $10 FROM old
        ON CONFLICT (job_id, key) DO UPDATE SET title = EXCLUDED.title,
            shown = EXCLUDED.shown, digest = EXCLUDED.digest, editable = EXCLUDED.editable,
            edits_schema = EXCLUDED.edits_schema, deadline = EXCLUDED.deadline,
            default_answer = EXCLUDED.default_answer, state = 'open', comment = NULL,
            edits = NULL, decided_by = NULL, is_default = FALSE, answer_id = NULL,
            reminders = 0, requested_at = now(), decided_at = NULL
        WHERE a.digest <> EXCLUDED.digest
        RETURNING job_id),
    job AS (
        UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, now()),
            last_seq = last_seq + 1 + (old.status = 'pending')::int, updated_at = now()
        FROM old, asked WHERE jobs.id = old.id
        RETURNING jobs.id, last_seq, old.status AS was),
    started AS (
        INSERT INTO job_events (job_id, seq, type)
        SELECT id, last_seq - 1, 'started' FROM job WHERE was = 'pending'),
    event AS (
        INSERT INTO job_events (job_id, seq, type, data)
        SELECT id, last_seq, 'approval_requested', jsonb_build_object('key', $3::text,
            'title', $4::text, 'digest', $6::text, 'editable', $7::boolean,
            'default', $9::text, 'deadline', $10::timestamptz) FROM job)
    SELECT count(*) > 0 FROM job"""


async def request(db: Database, wanted: ApprovalRequest) -> ApprovalStanding:
    """Write an approval down as open, with its event; the job is running from then on.

    The same approval again changes nothing: it is returned as it stands. One of the same key that
    showed something else is asked for anew, since only a workflow that was reset asks so.

    Raises:
        JobCanceled: The job has ended, or its cancel was requested.
    """
    is_new = await db.fetchval(
        REQUEST,
        wanted.job.tenant,
        wanted.job.job_id,
        wanted.key,
        wanted.title,
        json.dumps(wanted.shown),
        wanted.digest,
        wanted.editable,
        wanted.edits_schema,
        wanted.default,
        wanted.deadline,
    )
    if is_new:
        return ApprovalStanding(deadline=wanted.deadline)
    # A statement of its own: another try of this deed may have written it just now.
    known = await get(db, wanted.job.tenant, wanted.job.job_id, wanted.key)
    if known is None or known.digest != wanted.digest:
        raise JobCanceled("the job has ended, or is to be canceled: nothing is to be approved")
    return ApprovalStanding(
        deadline=known.deadline, settlement=None if known.is_open else known.settlement
    )


async def remind(db: Database, reminder: ApprovalReminder) -> None:
    """Write the event that tells once more of an open approval; each number tells once."""
    await db.execute(
        """
        WITH old AS (
            SELECT id FROM jobs WHERE tenant = $1 AND id = $2 AND status = 'running' FOR UPDATE),
        reminded AS (
            UPDATE approvals a SET reminders = $4 FROM old
            WHERE a.job_id = old.id AND key = $3 AND state = 'open' AND reminders < $4
            RETURNING job_id, key, title, digest, deadline, default_answer),
        job AS (
            UPDATE jobs SET last_seq = last_seq + 1, updated_at = now()
            FROM reminded WHERE jobs.id = reminded.job_id
            RETURNING id, last_seq)
        INSERT INTO job_events (job_id, seq, type, data)
        SELECT id, last_seq, 'approval_reminder', jsonb_build_object('key', key, 'title', title,
            'digest', digest, 'default', default_answer, 'deadline', deadline, 'number', $4::int)
        FROM job, reminded
        """,
        reminder.job.tenant,
        reminder.job.job_id,
        reminder.key,
        reminder.number,
    )


async def settle(db: Database, wanted: ApprovalSettlement) -> Settlement:
    """Compare-and-set how an open approval ended, with its event, and return how it did.

    An approval that ended before, by whomever, keeps its end. One whose job has ended is withdrawn.
    """
    job, new = wanted.job, wanted.settlement
    row = await db.fetchrow(
        f"""
        WITH old AS (
            SELECT id FROM jobs WHERE tenant = $1 AND id = $2 AND status = 'running' FOR UPDATE),
        ended AS (
            UPDATE approvals a SET state = $5, comment = $6, edits = $7, decided_by = $8,
                is_default = $9, answer_id = $10, decided_at = now()
            FROM old WHERE a.job_id = old.id AND key = $3 AND digest = $4 AND state = 'open'
            RETURNING {COLUMNS}),
        job AS (
            UPDATE jobs SET last_seq = last_seq + 1, updated_at = now()
            FROM ended WHERE jobs.id = ended.job_id
            RETURNING id, last_seq),
        event AS (
            INSERT INTO job_events (job_id, seq, type, data)
            SELECT id, last_seq, 'approval_decided', jsonb_strip_nulls(jsonb_build_object(
                'key', $3::text, 'title', title, 'decision', $5::text, 'comment', $6::text,
                'edited', $7::jsonb IS NOT NULL, 'decided_by', $8::text,
                'is_default', $9::boolean)) FROM job, ended)
        SELECT * FROM ended
        """,  # noqa: S608 # COLUMNS is a constant of this file
        job.tenant,
        job.job_id,
        wanted.key,
        wanted.digest,
        new.state,
        new.comment,
        new.edits,
        new.decided_by,
        new.is_default,
        new.answer_id,
    )
    if row is not None:
        return _approval(row).settlement
    known = await get(db, job.tenant, job.job_id, wanted.key)
    if known is None or known.is_open or known.digest != wanted.digest:
        return Settlement(state=ApprovalState.WITHDRAWN)
    return known.settlement


async def get(db: Database, tenant: Tenant, job_id: JobId, key: str) -> Approval | None:
    """Return an approval of a job, None when it never asked for it."""
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM approvals a WHERE tenant = $1 AND job_id = $2 AND key = $3",  # noqa: S608 # constant
        tenant,
        job_id,
        key,
    )
    return None if row is None else _approval(row)


async def of_job(db: Database, tenant: Tenant, job_id: JobId) -> list[Approval]:
    """Return all approvals that a job asked for, oldest first."""
    rows = await db.fetch(
        f"""
        SELECT {COLUMNS} FROM approvals a WHERE tenant = $1 AND job_id = $2
        ORDER BY requested_at, key
        """,  # noqa: S608 # constant
        tenant,
        job_id,
    )
    return [_approval(row) for row in rows]


async def open_below(db: Database, tenant: Tenant, job_id: JobId) -> list[Approval]:
    """Return what a job waits for, oldest first; of a root, its descendants' approvals too."""
    rows = await db.fetch(
        f"""
        SELECT {COLUMNS} FROM approvals a JOIN jobs j ON j.id = a.job_id
        WHERE a.tenant = $1 AND (a.job_id = $2 OR a.root_id = $2) AND a.state = 'open'
            AND j.status = 'running'
        ORDER BY a.requested_at, a.key
        """,  # noqa: S608 # constant
        tenant,
        job_id,
    )
    return [_approval(row) for row in rows]


def _approval(row: asyncpg.Record) -> Approval:
    return Approval(
        job_id=JobId(row["job_id"]),
        key=row["key"],
        title=row["title"],
        shown=row["shown"],
        digest=row["digest"],
        editable=row["editable"],
        edits_schema=row["edits_schema"],
        default=row["default_answer"],
        deadline=row["deadline"],
        reminders=row["reminders"],
        requested_at=row["requested_at"],
        decided_at=row["decided_at"],
        settlement=Settlement(
            state=ApprovalState(row["state"]),
            comment=row["comment"],
            edits=row["edits"],
            decided_by=row["decided_by"],
            is_default=row["is_default"],
            answer_id=row["answer_id"],
        ),
    )
