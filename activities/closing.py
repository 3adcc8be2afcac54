"""Ending jobs whose workflow is gone or never began."""

import logging

from jobs.errors import WorkflowLost
from jobs.model import Ending, Failure, JobRef, Standing
from jobs.status import JobStatus
from storage import job_moves
from storage.database import Database
from storage.jobs import JobRow

logger = logging.getLogger(__name__)


async def end_row(db: Database, row: JobRow, status: JobStatus) -> Standing:
    """Record the end of a job that has no workflow, as canceled or as lost."""
    lost = Failure(
        code=WorkflowLost.code,
        message="the workflow was terminated, timed out or deleted from outside",
    )
    ending = Ending(
        job=JobRef(tenant=row.tenant, job_id=row.id, type=row.type),
        status=status,
        failure=lost if status is JobStatus.FAILED else None,
        progress=row.progress,
        started_at=row.started_at or row.created_at,
    )
    standing = await job_moves.finish(db, ending)
    logger.warning("job %s had no workflow any more: recorded as %s", row.id, standing.status)
    return standing
