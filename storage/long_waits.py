"""The tables `workers` and `long_waits`: which processes live, and what those wait for that do not.

One row per process and one per long wait, so that telling everybody that a process lives costs a
statement, however many responses it waits for.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from jobs.values import JobId
from storage.database import Database

CLAIM = timedelta(seconds=30)
"""How long whoever frees a wait may take until others try."""


@dataclass(frozen=True)
class LongWait:
    """An activity that waits for a response, as Temporal knows it; its workflow's id is the job's.

    Attributes:
        run_id: The workflow's run: another one may have another activity of the same id.
        token: Of this attempt at it: another one may go on with the same wait.
    """

    job_id: JobId
    run_id: str
    activity_id: str
    token: UUID = field(default_factory=uuid4)


async def renew(db: Database, worker_id: UUID) -> timedelta | None:
    """Note that a process lives; return how long it was silent, None if it was never heard."""
    silence: timedelta | None = await db.fetchval(
        """
        WITH before AS (SELECT seen_at FROM workers WHERE id = $1)
        INSERT INTO workers (id, seen_at) VALUES ($1, now())
        ON CONFLICT (id) DO UPDATE SET seen_at = now()
        RETURNING now() - (SELECT seen_at FROM before)
        """,
        worker_id,
    )
    return silence


async def leave(db: Database, worker_id: UUID) -> None:
    """Forget a process that ends, and every silent one that nobody has to free anything of."""
    await db.execute(
        """
        DELETE FROM workers w WHERE (id = $1 OR seen_at < now() - interval '1 hour')
            AND NOT EXISTS (SELECT FROM long_waits l WHERE l.worker_id = w.id)
        """,
        worker_id,
    )


async def begin(db: Database, worker_id: UUID, wait: LongWait) -> None:
    """Note that a wait is this process's, whosever it was."""
    await db.execute(
        """
        INSERT INTO long_waits (job_id, run_id, activity_id, token, worker_id)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (job_id, activity_id) DO UPDATE
            SET run_id = $2, token = $4, worker_id = $5, claimed_until = NULL
        """,
        wait.job_id,
        wait.run_id,
        wait.activity_id,
        wait.token,
        worker_id,
    )


async def claim_lost(
    db: Database, worker_id: UUID, silent_for: timedelta, *, limit: int
) -> list[LongWait]:
    """Take waits of other processes that have been silent for long.

    Each is handed out again after a while, unless `begin` or `end` is called for it.
    """
    rows = await db.fetch(
        """
        WITH lost AS (
            SELECT job_id, activity_id FROM long_waits
            WHERE worker_id IN (
                    SELECT id FROM workers WHERE seen_at < now() - $1::interval AND id <> $4)
                AND COALESCE(claimed_until, '-infinity') < now()
            LIMIT $2 FOR UPDATE SKIP LOCKED)
        UPDATE long_waits w SET claimed_until = now() + $3::interval
        FROM lost WHERE (w.job_id, w.activity_id) = (lost.job_id, lost.activity_id)
        RETURNING w.job_id, w.run_id, w.activity_id, w.token
        """,
        silent_for,
        limit,
        CLAIM,
        worker_id,
    )
    return [LongWait(*row.values()) for row in rows]


async def jobs_without(db: Database, age: timedelta, *, limit: int) -> list[JobId]:
    """Return some running jobs, at random, with more responses of an age than waits in the table.

    Their waits are still in a queue, or were given to a process that never began them.
    """
    rows = await db.fetch(
        """
        SELECT job_id FROM (
            SELECT job_id FROM responses r JOIN jobs j ON j.id = r.job_id
            WHERE r.state = 'open' AND r.response_id IS NOT NULL
                AND r.submitted_at < now() - $1::interval AND j.status = 'running'
            EXCEPT ALL SELECT job_id FROM long_waits) missing
        GROUP BY job_id ORDER BY random() LIMIT $2
        """,
        age,
        limit,
    )
    return [row["job_id"] for row in rows]


async def begun(db: Database, jobs: list[JobId]) -> set[tuple[JobId, str]]:
    """Return which waits of some jobs are in the table, by job and activity."""
    query = "SELECT job_id, activity_id FROM long_waits WHERE job_id = ANY($1)"
    return {(row["job_id"], row["activity_id"]) for row in await db.fetch(query, jobs)}


async def end(db: Database, waits: list[LongWait]) -> None:
    """Forget waits that are over or were freed, save those that go on in another attempt."""
    await db.execute("DELETE FROM long_waits WHERE token = ANY($1)", [each.token for each in waits])
