"""Implements `RecordDeeds`: what workflows write to their job's row."""

from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json
from temporalio import activity

from jobs.model import Ending, ProgressReport, Standing
from jobs.ports import RecordDeeds
from jobs.status import JobStatus
from storage import job_moves, jobs
from storage.database import Database
from storage.jobs import JobRow
from storage.objects import INLINE_BYTES, Objects


@dataclass(frozen=True)
class Records(RecordDeeds):
    """The deeds that write the record."""

    db: Database
    objects: Objects

    @activity.defn(name="record_progress")
    async def record_progress(self, report: ProgressReport) -> bool | None:
        """Write the progress, unless the job has ended in the record; False when it has."""
        # Not True: workers of a version before can read nothing but null in a history.
        return None if await job_moves.write_progress(self.db, report) else False

    @activity.defn(name="record_finished")
    async def record_finished(self, ending: Ending) -> Standing:
        """Compare-and-set the terminal status and return the one that stands."""
        key = None
        content = (ending.result or "").encode()
        if len(content) > INLINE_BYTES:
            key = await self.objects.put(ending.job.tenant, "results", content)
        standing = await job_moves.finish(self.db, ending, result_key=key)
        if standing.status is not JobStatus.SUCCEEDED or ending.result is not None:
            return standing
        # The workflow task that recorded the success was thrown away, and the one that takes its
        # place has no output of its own.
        row = await jobs.get(self.db, ending.job.tenant, ending.job.job_id)
        result = to_json(await recorded_result(self.db, self.objects, row)).decode()
        return standing.model_copy(update={"result": result})


async def recorded_result(db: Database, objects: Objects, row: JobRow) -> Any:
    """Return the output of a job as plain JSON, wherever it lies; None unless it succeeded."""
    if row.status is not JobStatus.SUCCEEDED:
        return None
    if row.result_key is None:
        return await jobs.get_result(db, row.tenant, row.id)
    return from_json(await objects.get(row.tenant, row.result_key))
