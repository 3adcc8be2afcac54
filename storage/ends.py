"""Tells gateways that a job has ended, so that nobody who waits for it has to ask all the time.

The notification is sent after the transaction (see `storage/inbox.py`) and is a hint: who does not
hear it finds the end by looking.
"""

from contextlib import suppress
from uuid import UUID

from jobs.errors import ServiceUnavailable
from jobs.values import JobId
from storage.database import Database

CHANNEL = "backburner_ends"


async def tell(db: Database, job_id: JobId, last_seq: int) -> None:
    """Say that a job has ended, and the number of its last event."""
    with suppress(ServiceUnavailable):
        await db.execute("SELECT pg_notify($1, $2)", CHANNEL, f"{job_id} {last_seq}")


def told(payload: str) -> tuple[JobId, int]:
    """Return what `tell` said."""
    job_id, last_seq = payload.split()
    return JobId(UUID(job_id)), int(last_seq)
