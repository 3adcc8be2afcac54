"""What every deed has in common: its logs name the job, its errors become Temporal's."""

from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from jobs.errors import JobError
from jobs.registry import find
from telemetry.logs import about_job


class Failures(Interceptor):
    """Gives every deed's `JobError` its code as failure type, so that workflows can read it."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the deed."""
        return _Translating(next)


class _Translating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        # The ids of other workflows, as of deliveries, are not those of jobs.
        is_of_job = find(info.workflow_type or "") is not None
        with about_job((is_of_job and info.workflow_id) or ""):
            try:
                return await self.next.execute_activity(input)
            except JobError as error:
                activity.logger.info("%s: %s", error.code, error.detail)
                # It says all that the error says, and takes its place in the chain.
                failure = to_application_error(error).with_traceback(error.__traceback__)
                raise failure from error.__cause__


def to_application_error(error: JobError) -> ApplicationError:
    """Return Temporal's form of an error: expected, so it wakes nobody."""
    wait = error.retry_after_seconds
    return ApplicationError(
        error.detail,
        *error.facts,
        type=error.code,
        non_retryable=not error.retryable,
        next_retry_delay=timedelta(seconds=wait) if wait is not None else None,
        category=ApplicationErrorCategory.BENIGN,
    )
