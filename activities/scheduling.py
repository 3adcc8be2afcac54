"""Implements `ScheduleDeeds`: turns a due time of a schedule into a job."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from temporalio import activity

from jobs.errors import ScheduleBroken
from jobs.model import Ending, Failure, JobRef, Standing
from jobs.ports import ScheduleDeeds
from jobs.registry import JobType
from jobs.schedules.model import SCHEDULE_LABEL, TIME_LABEL
from jobs.schedules.runs import Opened, ScheduledRun
from jobs.status import JobStatus
from storage import executions, job_moves, jobs
from storage.database import Database
from storage.jobs import JobRow, NewJob
from telemetry import traces


@dataclass(frozen=True)
class Scheduling(ScheduleDeeds):
    """The deeds of a schedule's runs."""

    db: Database
    job_types: Mapping[str, JobType]

    @activity.defn(name="open_scheduled")
    async def open_scheduled(self, run: ScheduledRun) -> Opened:
        """Insert the run's job unless it is there; one that cannot be started is ended at once."""
        row, _ = await jobs.insert(self.db, _new_job(run))
        job = JobRef(tenant=row.tenant, job_id=row.id, type=row.type)
        if row.status.is_terminal:
            return Opened(job=job, standing=Standing(status=row.status, failure=row.failure))
        try:
            job_type = self.job_types[row.type]
            ticket = executions.ticket_of(job_type, row)
        except (KeyError, ValidationError) as error:
            return Opened(job=job, standing=await self._broken(row, job, error))
        standing = Standing(status=row.status)
        return Opened(job=job, title=job_type.title, standing=standing, ticket=ticket)

    async def _broken(self, row: JobRow, job: JobRef, error: Exception) -> Standing:
        gone = isinstance(error, KeyError)
        reason = f"no job type {row.type!r}" if gone else f"it no longer fits {row.type}: {error}"
        failure = Failure(code=ScheduleBroken.code, message=reason)
        ending = Ending(job=job, status=JobStatus.FAILED, failure=failure, started_at=None)
        return await job_moves.finish(self.db, ending)


def _new_job(run: ScheduledRun) -> NewJob:
    schedule, due = run.schedule, run.scheduled_at
    own = {SCHEDULE_LABEL: schedule.schedule_id, TIME_LABEL: due.strftime("%Y-%m-%dT%H:%M:%SZ")}
    job_id = schedule.job_id(due)
    return NewJob(
        id=job_id,
        tenant=schedule.tenant,
        type=schedule.job.type,
        payload=schedule.job.payload,
        options=schedule.job.options,
        labels=schedule.job.labels | own,
        callback_url=schedule.job.callback_url,
        notify=schedule.job.notify,
        # Clients' keys hold no blank, so no client can take this one.
        idempotency_key=f"scheduled {job_id}",
        traceparent=traces.current(),
    )
