"""The table `job_events`: what happened to a job, numbered without gaps.

Writers live beside the change they report (`storage/jobs.py`, `storage/responses.py`). The number
comes from the job's row inside the writer's transaction, so that no reader ever sees a later event
before an earlier one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.values import JobId, Tenant
from storage.database import Database


@dataclass(frozen=True)
class Event:
    """One event; `seq` counts from 1 within its job."""

    seq: int
    type: str
    data: dict[str, Any]
    created_at: datetime


async def after(
    db: Database, tenant: Tenant, job_id: JobId, seq: int, *, limit: int = 500
) -> list[Event]:
    """Return a job's events that follow `seq`, in order."""
    rows = await db.fetch(
        """
        SELECT seq, e.type, data, e.created_at
        FROM job_events e JOIN jobs j ON j.id = e.job_id
        WHERE j.tenant = $1 AND job_id = $2 AND seq > $3 ORDER BY seq LIMIT $4
        """,
        tenant,
        job_id,
        seq,
        limit,
    )
    return [Event(row["seq"], row["type"], row["data"], row["created_at"]) for row in rows]
