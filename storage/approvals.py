"""The table `approvals`: what jobs showed to people, and what was decided.

Every writer locks the job's row first, as all writers of events do, and numbers its event from it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from jobs.approvals import (
    Answer,
    ApprovalReminder,
    ApprovalRequest,
    ApprovalSettlement,
    ApprovalStanding,
    ApprovalState,
    Default,
    Settlement,
)
from jobs.errors import JobCanceled
from jobs.model import JobRef
from jobs.moments import ApprovalRequested, JobStarted
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage.database import Database
from storage.outbox import outbox, tell
from telemetry.observer import observe

TOLD_WITHIN = timedelta(seconds=10)
"""What a gateway takes at the most to tell a workflow; after that, maintenance does."""


@dataclass(frozen=True)
class Approval:
    """One row, as the rest of the program sees it.

    Attributes:
        tell_at: When maintenance tells the workflow of the decision; None when it need not.
    """

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
    tell_at: datetime | None

    @property
    def state(self) -> ApprovalState:
        """Where the approval stands."""
        return self.settlement.state

    @property
    def is_open(self) -> bool:
        """Whether it can still be decided."""
        return self.state is ApprovalState.OPEN

    @property
    def signal(self) -> tuple[str, Answer]:
        """What the workflow is told of a decision: the signal's name and argument."""
        stood = self.settlement
        return "approve" if stood.state is ApprovalState.APPROVED else "reject", Answer(
            key=self.key,
            digest=self.digest,
            comment=stood.comment,
            edits=stood.edits,
            decided_by=stood.decided_by,
            answer_id=stood.answer_id,
        )


COLUMNS = """a.job_id, a.key, a.title, a.shown, a.digest, a.editable, a.edits_schema,
    a.default_answer, a.deadline, a.reminders, a.requested_at, a.decided_at,
    a.state, a.comment, a.edits, a.decided_by, a.is_default, a.answer_id, a.tell_at"""

REQUEST = f"""
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
            reminders = 0, requested_at = now(), decided_at = NULL, tell_at = NULL
        WHERE a.digest <> EXCLUDED.digest
        RETURNING job_id),
    job AS (
        UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, now()),
            last_seq = last_seq + 1 + (old.status = 'pending')::int, updated_at = now()
        FROM old, asked WHERE jobs.id = old.id
        RETURNING jobs.id, last_seq, jobs.root_id, callback_url, notify, old.status AS was,
            jsonb_build_object('key', $3::text, 'title', $4::text, 'digest', $6::text,
                'editable', $7::boolean, 'default', $9::text,
                'deadline', $10::timestamptz) AS ask),
    started AS (
        INSERT INTO job_events (job_id, seq, type)
        SELECT id, last_seq - 1, 'started' FROM job WHERE was = 'pending'),
    event AS (
        INSERT INTO job_events (job_id, seq, type, data)
        SELECT id, last_seq, 'approval_requested', ask FROM job),
    happened AS (
        -- A question of a child concerns whoever listens to its root: it holds up the whole tree.
        SELECT $1::text AS tenant, 'job.approval_needed' AS event, id AS job_id, FALSE AS of_child,
            NULL::uuid AS of_endpoint, jsonb_build_object('approval', ask) AS data,
            COALESCE(callback_url, (SELECT callback_url FROM jobs WHERE id = job.root_id)) AS url,
            CASE WHEN notify <> '[]' THEN notify
                ELSE (SELECT root.notify FROM jobs root WHERE root.id = job.root_id) END AS notify
        FROM job),
    {outbox("happened")}
    SELECT (SELECT was FROM job) AS was, (SELECT count(*) FROM outbox) AS told
"""  # noqa: S608 # put together from constants

END = f"""
    WITH old AS (
        SELECT id, cancel_requested_at FROM jobs
        WHERE tenant = $1 AND id = $2 AND status = 'running' FOR UPDATE),
    ended AS (
        UPDATE approvals a SET state = $5, comment = $6, edits = $7, decided_by = $8,
            is_default = $9, answer_id = $10, decided_at = now(), tell_at = now() + $11::interval
        FROM old WHERE a.job_id = old.id AND key = $3 AND digest = $4 AND state = 'open'
            AND ($11::interval IS NULL OR cancel_requested_at IS NULL AND deadline > now())
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
    SELECT * FROM ended"""  # noqa: S608 # COLUMNS is a constant of this file
"""With $11, a person decides at the door: only before the deadline and if no cancel was requested,
and the workflow is told again after that time unless it has taken the decision."""


async def request(db: Database, wanted: ApprovalRequest) -> ApprovalStanding:
    """Write an approval down as open, with its event and its callbacks; the job is running then.

    The same approval again changes nothing: it is returned as it stands. One of the same key that
    showed something else is asked for anew, since only a workflow that was reset asks so.

    Raises:
        JobCanceled: The job has ended, or its cancel was requested.
    """
    row = await db.fetchrow(
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
    if row is not None and row["told"]:
        await tell(db)
    if row is not None and row["was"] is not None:
        if row["was"] == JobStatus.PENDING:
            observe(JobStarted(job=wanted.job))
        observe(ApprovalRequested(job=wanted.job, key=wanted.key, title=wanted.title))
        return ApprovalStanding(deadline=wanted.deadline)
    # A statement of its own: another try of this deed may have written it just now.
    known = await _taken(db, wanted.job, wanted.key)
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


async def decide(db: Database, wanted: ApprovalSettlement) -> Approval | None:
    """Compare-and-set what a person decides, with its event; None when it counts no more.

    It does not when the approval or its job has ended, when its deadline has passed, or when the
    job's cancel was requested. The workflow has to be told; `untold` finds it when that failed.
    """
    row = await _end(db, wanted, tell_again_after=TOLD_WITHIN)
    return None if row is None else _approval(row)


async def settle(db: Database, wanted: ApprovalSettlement) -> Settlement:
    """Compare-and-set how an approval ended, with its event, and return how it did.

    An approval that ended before, by whomever, keeps its end. One whose job has ended is withdrawn.
    Only the workflow asks this: whatever is returned, it has been told.
    """
    row = await _end(db, wanted, tell_again_after=None)
    if row is not None:
        return _approval(row).settlement
    known = await _taken(db, wanted.job, wanted.key)
    if known is None or known.is_open or known.digest != wanted.digest:
        return Settlement(state=ApprovalState.WITHDRAWN)
    return known.settlement


async def untold(db: Database, *, limit: int) -> list[Approval]:
    """Claim decisions that their workflow may not have been told, for twice as long each time."""
    rows = await db.fetch(
        f"""
        WITH due AS (
            SELECT job_id, key FROM approvals WHERE tell_at < now()
            ORDER BY tell_at LIMIT $1 FOR UPDATE SKIP LOCKED),
        claimed AS (
            UPDATE approvals a SET tell_at = CASE WHEN j.status = 'running'
                THEN now() + LEAST(2 * (now() - a.decided_at), interval '1 hour') END
            FROM due, jobs j WHERE (a.job_id, a.key) = (due.job_id, due.key) AND j.id = a.job_id
            RETURNING {COLUMNS})
        SELECT * FROM claimed WHERE tell_at IS NOT NULL
        """,  # noqa: S608 # constant
        limit,
    )
    return [_approval(row) for row in rows]


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


async def _end(
    db: Database, wanted: ApprovalSettlement, *, tell_again_after: timedelta | None
) -> asyncpg.Record | None:
    new = wanted.settlement
    return await db.fetchrow(
        END,
        wanted.job.tenant,
        wanted.job.job_id,
        wanted.key,
        wanted.digest,
        new.state,
        new.comment,
        new.edits,
        new.decided_by,
        new.is_default,
        new.answer_id,
        tell_again_after,
    )


async def _taken(db: Database, job: JobRef, key: str) -> Approval | None:
    """Return an approval to its workflow, and remember that it knows how it ended."""
    known = await get(db, job.tenant, job.job_id, key)
    if known is not None and not known.is_open:
        await db.execute(
            """
            UPDATE approvals SET tell_at = NULL
            WHERE tenant = $1 AND job_id = $2 AND key = $3 AND digest = $4
                AND state <> 'open' AND tell_at IS NOT NULL
            """,
            job.tenant,
            job.job_id,
            key,
            known.digest,
        )
    return known


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
        tell_at=row["tell_at"],
        settlement=Settlement(
            state=ApprovalState(row["state"]),
            comment=row["comment"],
            edits=row["edits"],
            decided_by=row["decided_by"],
            is_default=row["is_default"],
            answer_id=row["answer_id"],
        ),
    )
