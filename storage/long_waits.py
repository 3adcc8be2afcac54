"""The tables `workers` and `long_waits`: which processes live, and what those wait for that do not.

One row per process and one per long wait, so that telling everybody that a process lives costs a
statement, however many responses it waits for.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from jobs.values import JobId
from storage.database import Database

CLAIM = timedelta(seconds=30)
"""How long whoever frees a wait may take until others try."""


@dataclass(frozen=True)
class LongWait:
    """An activity that waits for a response, as Temporal knows it; its workflow's id is the job's.

    Attributes:
        run_id: The workflow's run: another one may have another activity of the same id.
    """

    job_id: JobId
    run_id: str
    activity_id: str


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
        INSERT INTO long_waits (job_id, run_id, activity_id, worker_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (job_id, activity_id) DO UPDATE
            SET run_id = $2, worker_id = $4, claimed_until = NULL
        """,
        wait.job_id,
        wait.run_id,
        wait.activity_id,
        worker_id,
    )


async def end(db: Database, worker_id: UUID, wait: LongWait) -> None:
    """Note that a wait is over, unless it is somebody else's by now."""
    await db.execute(
        "DELETE FROM long_waits WHERE job_id = $1 AND activity_id = $2 AND worker_id = $3",
        wait.job_id,
        wait.activity_id,
        worker_id,
    )


async def claim_lost(db: Database, silent_for: timedelta, *, limit: int) -> list[LongWait]:
    """Take waits of processes that have been silent for long; each is handed out again later.

    One that goes on elsewhere, or is over, has to be told of with `begin` or `freed`.
    """
    rows = await db.fetch(
        """
        WITH lost AS (
            SELECT job_id, activity_id FROM long_waits
            WHERE worker_id IN (SELECT id FROM workers WHERE seen_at < now() - $1::interval)
                AND COALESCE(claimed_until, '-infinity') < now()
            LIMIT $2 FOR UPDATE SKIP LOCKED)
        UPDATE long_waits w SET claimed_until = now() + $3::interval
        FROM lost WHERE (w.job_id, w.activity_id) = (lost.job_id, lost.activity_id)
        RETURNING w.job_id, w.run_id, w.activity_id
        """,
        silent_for,
        limit,
        CLAIM,
    )
    return [LongWait(*row.values()) for row in rows]


async def freed(db: Database, waits: list[LongWait]) -> None:
    """Forget waits that were claimed, save those that have gone on elsewhere meanwhile."""
    await db.execute(
        """
        DELETE FROM long_waits w USING unnest($1::uuid[], $2::text[]) AS f (job_id, activity_id)
        WHERE w.job_id = f.job_id AND w.activity_id = f.activity_id AND w.claimed_until IS NOT NULL
        """,
        [each.job_id for each in waits],
        [each.activity_id for each in waits],
    )
