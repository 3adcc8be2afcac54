"""Implements `RecordDeeds`: what workflows write to their job's row."""

from dataclasses import dataclass

from temporalio import activity

from jobs.model import Ending, ProgressReport, Standing
from jobs.ports import RecordDeeds
from storage import job_moves
from storage.database import Database
from storage.objects import INLINE_BYTES, Objects


@dataclass(frozen=True)
class Records(RecordDeeds):
    """The deeds that write the record."""

    db: Database
    objects: Objects

    @activity.defn(name="record_progress")
    async def record_progress(self, report: ProgressReport) -> None:
        """Write the progress; an older report never overwrites a terminal row."""
        await job_moves.write_progress(self.db, report)

    @activity.defn(name="record_finished")
    async def record_finished(self, ending: Ending) -> Standing:
        """Compare-and-set the terminal status and return the one that stands."""
        key = None
        content = (ending.result or "").encode()
        if len(content) > INLINE_BYTES:
            key = await self.objects.put(ending.job.tenant, "results", content)
        return await job_moves.finish(self.db, ending, result_key=key)
