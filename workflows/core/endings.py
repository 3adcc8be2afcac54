"""How a job ends: once, recorded before the workflow closes, and closed as recorded."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from temporalio import workflow
from temporalio.exceptions import ApplicationError, is_cancelled_exception

from jobs.model import Ending, Failure, In, Out, Outcome, Standing, Ticket
from jobs.ports import ResponseDeeds
from jobs.requests import CancelRequest
from jobs.status import JobStatus
from workflows.core import queues, storable, timing
from workflows.core.failures import failure_of
from workflows.core.records import record_finished
from workflows.core.tasks import steady

if TYPE_CHECKING:
    from workflows.core.lifecycle import Lifecycle


async def carry(job: "Lifecycle[In, Out]", ticket: Ticket[In]) -> Outcome[Out]:
    """Run `work`, clean up, record the ending, and close the workflow as the record says."""
    output: Out | None = None
    result: str | None = None
    failure: Failure | None = None
    try:
        output = await job.worked(ticket.input)
        result = storable.result(output.model_dump_json())
    except asyncio.CancelledError as error:
        failure = _unless_canceled(error)
    except Exception as error:  # noqa: BLE001 # every reason for failing is recorded and re-raised
        failure = None if _was_canceled(error) else failure_of(error)
    standing = await steady(_settle(job, ticket, result, failure))
    await steady(_quiet(job, standing))
    return _close(job, standing, output)


async def _settle(
    job: "Lifecycle[In, Out]", ticket: Ticket[In], result: str | None, failure: Failure | None
) -> Standing:
    """Cancel the children and responses that are still open, then record the ending."""
    job.end_work()
    canceled = workflow.cancellation_reason() is not None
    await _let_go(job, ticket, canceled)
    await job.recorded()
    status = JobStatus.CANCELED if canceled else JobStatus.FAILED
    if result is not None and not canceled:
        status = JobStatus.SUCCEEDED
    return await record_finished(
        Ending(
            job=ticket.job,
            status=status,
            result=result,
            failure=failure,
            progress=job.progress,
            started_at=workflow.info().workflow_start_time,
        )
    )


async def _let_go(job: "Lifecycle[Any, Any]", ticket: Ticket[Any], canceled: bool) -> None:
    """End what would cost money for nothing, all of it at once."""
    reason = (workflow.cancellation_reason() if canceled else "the job it was for has ended") or ""
    ends: list[Coroutine[Any, Any, None]] = []
    if canceled or job.has_open_steps:
        ends.append(_cancel_responses(ticket, reason, canceled))
    if job.children.are_open:
        ends.append(job.children.close(reason))
    await asyncio.gather(*ends)


async def _cancel_responses(ticket: Ticket[Any], reason: str, canceled: bool) -> None:
    await queues.urgently(
        ResponseDeeds.cancel_responses,
        CancelRequest(job=ticket.job, reason=reason, job_too=canceled),
        start_to_close_timeout=timing.CLEAN_UP,
        heartbeat_timeout=timing.HEARTBEAT,
        summary="Cancel open responses",
    )


async def _quiet(job: "Lifecycle[Any, Any]", standing: Standing) -> None:
    """Leave no handler unfinished, and have Temporal know of a cancel that only the row knew."""
    if standing.status is JobStatus.CANCELED and workflow.cancellation_reason() is None:
        await job.cancel_self("canceled in the record")
    await workflow.wait_condition(workflow.all_handlers_finished)


def _close(job: "Lifecycle[In, Out]", standing: Standing, output: Out | None) -> Outcome[Out]:
    """Close the workflow as the record stands."""
    if standing.status is JobStatus.CANCELED:
        raise asyncio.CancelledError
    if standing.status is JobStatus.SUCCEEDED:
        if output is None and standing.result is not None:
            # Success was recorded in a workflow task that Temporal then threw away, because a
            # cancel had arrived meanwhile; this is the task's second run, and the record knows.
            output = cast("Out", job.output_type.model_validate_json(standing.result))
        return Outcome[Any](output=output, cost=standing.cost or job.cost)
    failure = standing.failure or Failure(code=standing.status, message="ended before, otherwise")
    raise ApplicationError(failure.message, type=failure.code, non_retryable=True)


def _was_canceled(error: BaseException) -> bool:
    return workflow.cancellation_reason() is not None and is_cancelled_exception(error)


def _unless_canceled(error: BaseException) -> Failure | None:
    return None if _was_canceled(error) else failure_of(error)
