"""Jobs that have ended in the record without having run."""

import time

from jobs.ids import uuid7
from jobs.model import Ending, Failure, JobRef
from jobs.status import JobStatus
from jobs.values import JobId
from storage import job_moves, jobs
from storage.jobs import NewJob
from tests.installation import TENANT, Installation


async def recorded(
    house: Installation,
    callback_url: str | None,
    status: JobStatus = JobStatus.SUCCEEDED,
    *,
    result: str = '{"summary": "It worked."}',
    result_key: str | None = None,
    failure: Failure | None = None,
    parent: JobId | None = None,
) -> JobId:
    """Record a job and its end, as a workflow would."""
    new = NewJob(
        id=JobId(uuid7(time.time_ns() // 1_000_000)),
        tenant=TENANT,
        type="summarize_text",
        payload={"text": "x"},
        callback_url=callback_url,
    )
    await jobs.insert(house.db, new)
    if parent is not None:
        await house.db.execute("UPDATE jobs SET parent_id = $2 WHERE id = $1", new.id, parent)
    ending = Ending(
        job=JobRef(tenant=TENANT, job_id=new.id, type=new.type),
        status=status,
        result=result if status is JobStatus.SUCCEEDED else None,
        failure=failure,
        started_at=None,
    )
    await job_moves.finish(house.db, ending, result_key=result_key)
    return new.id
