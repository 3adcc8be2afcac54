"""Tells Temporal that waits of processes that have died are over: it gives them to who lives."""

import logging
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from activities.pulse import USUAL_TIMEOUT
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


async def long_waits_of(client: Client, job_id: JobId, given_for: timedelta) -> list[LongWait]:
    """Return the long waits of a job that Temporal gave to a process so long ago.

    None where Temporal does not answer, or is too old to tell which waits are long.
    """
    handle = client.get_workflow_handle(str(job_id))
    try:
        with reaching():
            async with in_time():
                found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except (RPCError, ServiceUnavailable) as refused:
        logger.info("nobody knows if job %s waits: %s", job_id, refused)
        return []
    latest = datetime.now(UTC) - given_for
    return [
        LongWait(job_id, found.run_id, each.activity_id)
        for each in found.raw_description.pending_activities
        if _is_long(each)
        and each.state == STARTED
        and each.last_started_time.ToDatetime(UTC) < latest
    ]


def _is_long(pending: PendingActivityInfo) -> bool:
    """Tell whether an activity is the rest of a wait: its heartbeats are rare."""
    timeout = pending.activity_options.heartbeat_timeout.ToTimedelta()
    return pending.activity_type.name == RESPOND and timeout > USUAL_TIMEOUT
