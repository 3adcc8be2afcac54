"""Writing to the job's row from a workflow."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

from jobs.model import Ending, ProgressReport, Standing
from jobs.ports import RecordDeeds
from workflows.core import queues, timing


async def record_progress(report: ProgressReport) -> bool:
    """Write a progress. If the row cannot be written now, the next report will bring it.

    Returns:
        Whether the job goes on, as far as is known; False when its record says that it has ended.
    """
    try:
        goes_on = await _locally(RecordDeeds.record_progress, report, _words(report))
    except FailureError:
        workflow.logger.info("progress not written; the next report will bring it")
        return True
    return goes_on is not False


async def record_finished(ending: Ending) -> Standing:
    """Write the ending and return the status that stands, however long Postgres is away."""
    status = ending.status.value
    standing: Standing = await write(
        RecordDeeds.record_finished, ending, status, waiting=f"Record that the job {status}"
    )
    return standing


async def write(deed: Any, argument: Any, summary: str, *, waiting: str | None = None) -> Any:
    """Write to the record, however long Postgres is away, and return what the deed returns.

    The quick form is a local activity; when it fails, the ordinary one shows in Temporal UI as
    pending until it works, with the words `waiting`.
    """
    try:
        return await _locally(deed, argument, summary)
    except FailureError as error:
        if is_cancelled_exception(error) or _is_final(error):
            raise
    return await queues.urgently(
        deed, argument, start_to_close_timeout=timing.RECORD, summary=waiting or summary
    )


def _is_final(error: FailureError) -> bool:
    """Tell whether the deed itself refused: asking it again would change nothing."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return isinstance(cause, ApplicationError) and cause.non_retryable


async def _locally(deed: Any, argument: Any, summary: str) -> Any:
    return await workflow.execute_local_activity_method(
        deed,
        argument,
        start_to_close_timeout=timing.LOCAL_RECORD,
        schedule_to_close_timeout=timing.LOCAL_RECORD,
        retry_policy=timing.ONCE,
        summary=summary,
    )


def _words(report: ProgressReport) -> str:
    progress = report.progress
    share = f" {progress.current}/{progress.total}" if progress.total else ""
    waiting = f", waiting for {report.waiting_for}" if report.waiting_for else ""
    return f"{progress.stage}{share}{waiting}"
