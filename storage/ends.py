"""Tells gateways how far jobs are, and that they have ended, before anybody has to ask.

The notification is sent after the transaction (see `storage/inbox.py`) and is a hint: who does not
hear it finds the end by looking.
"""

from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from jobs.errors import ServiceUnavailable
from jobs.status import JobStatus
from jobs.values import JobId
from storage.database import Database

CHANNEL = "backburner_ends"


class News(NamedTuple):
    """How far a job is.

    Attributes:
        last_seq: The number of its last event.
        has_ended: Whether that was its end.
    """

    last_seq: int
    has_ended: bool


async def tell(db: Database, job_id: JobId, last_seq: int) -> None:
    """Say that a job has ended, and the number of its last event."""
    with suppress(ServiceUnavailable):
        await db.execute("SELECT pg_notify($1, $2)", CHANNEL, f"{job_id} {last_seq}")


def told(payload: str) -> tuple[JobId, News]:
    """Return what `tell` said."""
    job_id, last_seq = payload.split()
    return JobId(UUID(job_id)), News(int(last_seq), has_ended=True)


async def look(db: Database, job_ids: list[JobId]) -> dict[JobId, News]:
    """Return how far each job is that exists."""
    rows = await db.fetch("SELECT id, last_seq, status FROM jobs WHERE id = ANY($1)", job_ids)
    return {row["id"]: News(row["last_seq"], JobStatus(row["status"]).is_terminal) for row in rows}
