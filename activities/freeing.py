"""Tells Temporal that waits of processes that have died are over: it gives them to who lives."""

import logging
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from jobs.errors import ServiceUnavailable
from jobs.ports import RESPOND
from jobs.values import JobId
from storage.long_waits import LongWait
from storage.reaching import RPC_TIMEOUT, in_time, reaching

logger = logging.getLogger(__name__)

STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


async def free(client: Client, wait: LongWait) -> bool:
    """Tell Temporal that a wait is over; False when it has to be told again."""
    handle = client.get_async_activity_handle(
        workflow_id=str(wait.job_id), run_id=wait.run_id, activity_id=wait.activity_id
    )
    error = ApplicationError(
        "the worker that waited is gone",
        type="worker_lost",
        next_retry_delay=timedelta(seconds=0.1),
        category=ApplicationErrorCategory.BENIGN,
    )
    try:
        with reaching():
            async with in_time():
                await handle.fail(error, rpc_timeout=RPC_TIMEOUT)
    except (RPCError, ServiceUnavailable) as refused:
        if isinstance(refused, RPCError) and refused.status is RPCStatusCode.NOT_FOUND:
            return True  # it is over, or goes on already
        logger.warning("a wait of job %s was not freed: %s", wait.job_id, refused)
        return False
    return True


async def unheard(client: Client, job_id: JobId, silent_for: timedelta) -> list[LongWait]:
    """Return the waits of a job that were given to a process and not been heard of for long.

    Args:
        client: Asks Temporal.
        job_id: The job.
        silent_for: How long ago such an activity was started, and has beaten last.
    """
    handle = client.get_workflow_handle(str(job_id))
    try:
        with reaching():
            async with in_time():
                found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except (RPCError, ServiceUnavailable) as refused:
        logger.info("nobody knows if job %s waits: %s", job_id, refused)
        return []
    latest = datetime.now(UTC) - silent_for
    return [
        LongWait(job_id, found.run_id, each.activity_id)
        for each in found.raw_description.pending_activities
        if each.activity_type.name == RESPOND and each.state == STARTED and _heard_at(each) < latest
    ]


def _heard_at(pending: PendingActivityInfo) -> datetime:
    moments = (pending.last_started_time, pending.last_heartbeat_time)
    return max(each.ToDatetime(UTC) for each in moments)
