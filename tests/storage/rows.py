"""Making rows for storage tests, and two of them meet at one row."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from hypothesis import HealthCheck, settings

from jobs.ids import uuid7
from jobs.model import Ending, Failure, JobRef, Progress, ProgressReport
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage import events
from storage import jobs as job_rows
from storage.database import Connection, Database
from storage.jobs import JobRow, NewJob

FEW = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Each example writes rows, and the machine is shared."""

SUCCEEDED, FAILED, CANCELED = JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED


def job_id() -> JobId:
    return JobId(uuid7(time.time_ns() // 1_000_000))


def new_tenant() -> Tenant:
    return Tenant(f"tenant-{uuid.uuid4().hex[:8]}")


def new_job(tenant: Tenant, **more: Any) -> NewJob:
    chosen: dict[str, Any] = {"id": job_id(), "type": "words", "payload": {"text": "x"}} | more
    return NewJob(tenant=tenant, **chosen)


async def inserted(db: Database, tenant: Tenant, **more: Any) -> JobRow:
    row, _ = await job_rows.insert(db, new_job(tenant, **more))
    return row


async def again(db: Database, row: JobRow) -> JobRow:
    """Read a job once more."""
    return await job_rows.get(db, row.tenant, row.id)


def ref(row: JobRow) -> JobRef:
    return JobRef(tenant=row.tenant, job_id=row.id, type=row.type)


def ending(row: JobRow, status: JobStatus = SUCCEEDED, **more: Any) -> Ending:
    """Return an ending that says everything that it might say."""
    said: dict[str, Any] = {
        "result": '{"answer": 42}',
        "failure": Failure(code="job_defect", message="broke"),
        "started_at": row.created_at,
    }
    return Ending(job=ref(row), status=status, **(said | more))


def report(row: JobRow, current: int = 1, **more: Any) -> ProgressReport:
    progress = Progress(stage="reading", current=current, total=9)
    return ProgressReport(job=ref(row), progress=progress, **more)


async def event_types(db: Database, row: JobRow) -> list[str]:
    """Return the types of a job's events, having made sure that their numbers have no gap."""
    found = await events.after(db, row.tenant, row.id, 0)
    assert [each.seq for each in found] == list(range(1, len(found) + 1))
    assert (await again(db, row)).last_seq == len(found)
    return [each.type for each in found]


async def aged(db: Database, row: JobRow, column: str, age: timedelta) -> None:
    """Make a moment of a job lie further back."""
    await db.execute(
        f"UPDATE jobs SET {column} = now() - $2::interval WHERE id = $1",  # noqa: S608 # our own names
        row.id,
        age,
    )


@asynccontextmanager
async def holding(url: str, row: JobRow) -> AsyncIterator[Connection]:
    """Hold a job's row in a transaction of somebody else, which commits in the end."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", row.id)
            yield connection
    finally:
        await connection.close()


async def until_waiting(db: Database, statements: int = 1) -> None:
    """Return when that many statements wait for a lock in this database."""
    waiting = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    while await db.fetchval(waiting) < statements:
        await asyncio.sleep(0.005)
