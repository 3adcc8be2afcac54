"""Where a workflow sends what its own queue does not serve, and what must not wait in it."""

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, TimeoutError, TimeoutType

from jobs.queues import Queue
from workflows.core import timing


def named(queue: Queue) -> str:
    """Return the name of a queue in the installation whose main queue carries this workflow."""
    return queue.under(workflow.info().task_queue)


async def urgently(
    deed: Any,
    *arguments: Any,
    summary: str,
    remaining: Callable[[], timedelta] | None = None,
    **limits: Any,
) -> Any:
    """Have a deed done that must not wait until responses have ended; return what it returns.

    That queue has much room, and so has the main one at most times, but each may have none: so the
    deed takes turns between them until a worker takes it.

    Args:
        deed: Served on both queues.
        arguments: What it takes.
        summary: What Temporal UI shows.
        remaining: Tells the time left, or raises what it means that there is none.
        limits: Timeouts of the activity.

    Raises:
        ActivityError: The deed failed for good.
    """
    turns = cycle((Queue.URGENT, Queue.MAIN))
    while True:
        try:
            return await workflow.execute_activity_method(
                deed,
                args=arguments,
                task_queue=named(next(turns)),
                schedule_to_start_timeout=timing.UNSERVED,
                schedule_to_close_timeout=remaining() if remaining else None,
                retry_policy=timing.PERSISTENT,
                summary=summary,
                **limits,
            )
        except ActivityError as error:
            if not _found_nobody(error):
                raise


def _found_nobody(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START
