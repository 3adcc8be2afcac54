"""The workflow that a schedule starts: it opens one job and stays until that job has ended.

Temporal's overlap policies look at this workflow, so it must be open as long as its job is:
canceling it cancels the job, and so does terminating it once the job's workflow has been started,
by way of the parent close policy.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)

from jobs import starting
from jobs.children import ChildOutcome
from jobs.model import Ending, JobRef, Outcome, Standing, Ticket
from jobs.ports import ChildDeeds, ScheduleDeeds
from jobs.schedules.model import StoredSchedule
from jobs.schedules.runs import Opened, RunEnded, ScheduledRun
from jobs.status import JobStatus
from workflows.core.records import record_finished, write
from workflows.core.tasks import steady

DUE = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name="scheduled_job", sandboxed=False)
class ScheduledJobRun:
    """Carry the job of one run of a schedule."""

    @workflow.run
    async def run(self, schedule: StoredSchedule) -> RunEnded:
        """Open the job, wait for its end, and close as it did."""
        run = ScheduledRun(schedule=schedule, scheduled_at=_due())
        opened: Opened = await steady(write(ScheduleDeeds.open_scheduled, run, "Open the job"))
        if opened.ticket is None:
            return _close(opened.job, opened.standing)
        if workflow.cancellation_reason() is not None:
            # Canceled before there was a job to cancel: nobody else will ever end this one.
            ending = Ending(job=opened.job, status=JobStatus.CANCELED, started_at=None)
            return _close(opened.job, await steady(record_finished(ending)))
        return _close(opened.job, await _carried(opened, opened.ticket))


def _due() -> datetime:
    """Return the time this run is for; one that somebody started by hand is for now."""
    info = workflow.info()
    due = info.typed_search_attributes.get(DUE) or info.start_time
    return due.astimezone(UTC).replace(microsecond=0)


async def _carried(opened: Opened, ticket: Ticket[Any]) -> Standing:
    """Run the job's workflow as a child and return how the job ended."""
    job = opened.job
    try:
        child = await steady(_started(opened, ticket))
        if workflow.cancellation_reason() is not None:
            child.cancel()  # while its start was under way there was nothing to cancel
        await child
    except WorkflowAlreadyStartedError:
        # By maintenance, when no worker was there to go on; or by a run that was terminated.
        return await _attended(job)
    except ChildWorkflowError:
        return await _recorded(job)
    return Standing(status=JobStatus.SUCCEEDED)


async def _started(
    opened: Opened, ticket: Ticket[Any]
) -> workflow.ChildWorkflowHandle[Any, Outcome[Any]]:
    job = opened.job
    return await workflow.start_child_workflow(
        job.type,
        ticket,
        id=str(job.job_id),
        result_type=Outcome[Any],
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        execution_timeout=ticket.deadline + starting.BACKSTOP,
        search_attributes=starting.search_attributes(job, None),
        static_summary=opened.title,
        priority=starting.priority(job, ticket.options),
    )


async def _attended(job: JobRef) -> Standing:
    """Wait for the end of a job that is nobody's child; pass a cancel on to it."""
    told = False
    waiting = asyncio.create_task(_recorded(job))
    while not waiting.done():
        # The cancel may have come before, while the start was under way.
        if workflow.cancellation_reason() is not None and not told:
            told = True
            with suppress(ApplicationError):  # it has just closed
                await workflow.get_external_workflow_handle(str(job.job_id)).cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.shield(waiting)
    return waiting.result()


async def _recorded(job: JobRef) -> Standing:
    """Ask the record how a job ended; it knows once the job has."""
    outcome: ChildOutcome = await steady(
        write(ChildDeeds.child_outcome, job, "How it ended", waiting="Wait for the record")
    )
    return Standing(status=outcome.status, failure=outcome.failure)


def _close(job: JobRef, standing: Standing) -> RunEnded:
    """Close as the job ended: `pause_on_failure` looks for a failed run."""
    if standing.status is JobStatus.CANCELED and workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError
    if standing.status is JobStatus.FAILED and standing.failure is not None:
        failure = standing.failure
        raise ApplicationError(failure.message, type=failure.code, non_retryable=True)
    return RunEnded(job=job, standing=standing)
