"""Temporal's memory of jobs: starting, telling, asking and looking at their workflows.

The workflow id is the job id, so whoever starts a job twice finds the first start.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeWorkflowExecutionRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from jobs import starting
from jobs.errors import JobNotStarted, ServiceUnavailable
from jobs.model import JobRef, Ticket
from jobs.registry import JobType
from jobs.values import JobId
from storage.jobs import JobRow
from storage.reaching import RPC_TIMEOUT, in_time, reaching
from telemetry import traces

BROKEN_OFF = "ExecutionStatus IN ('Failed', 'Canceled', 'Terminated', 'TimedOut')"
"""What visibility says of a workflow that closed and did not complete. A job's workflow that
completed has recorded its ending first."""


class Life(Enum):
    """Whether a job's workflow goes on."""

    ABSENT = "absent"
    OPEN = "open"
    CLOSED = "closed"


async def start(client: Client, queue: str, job_type: JobType, row: JobRow) -> None:
    """Start a job's workflow; starting it again, even after it has closed, changes nothing.

    Raises:
        ServiceUnavailable: Temporal does not answer. The job stays pending.
    """
    ticket = ticket_of(job_type, row)
    with (
        traces.continuing(row.traceparent),
        reaching(),
        suppress(WorkflowAlreadyStartedError),
    ):
        await client.start_workflow(
            job_type.name,
            ticket,
            id=str(row.id),
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            execution_timeout=ticket.deadline + starting.BACKSTOP,
            search_attributes=starting.search_attributes(ticket.job, row.parent_id),
            static_summary=job_type.title,
            priority=starting.priority(ticket.job, row.options),
            rpc_timeout=RPC_TIMEOUT,
        )


def ticket_of(job_type: JobType, row: JobRow) -> Ticket[Any]:
    """Return what a job's workflow starts with.

    Raises:
        pydantic.ValidationError: The payload does not fit the job type, or does so no more.
    """
    return Ticket[Any](
        job=JobRef(tenant=row.tenant, job_id=row.id, type=row.type),
        input=job_type.input.model_validate(row.payload),
        options=row.options,
        deadline=starting.deadline(job_type, row.options),
        expected=job_type.expected,
    )


async def ask_to_cancel(client: Client, job_id: JobId, reason: str) -> bool:
    """Send a job's workflow the cancel signal.

    Returns:
        False when there is no open workflow to tell.

    Raises:
        ServiceUnavailable: Temporal does not answer.
    """
    return await _told(client, job_id, "cancel", reason)


async def signal(client: Client, job_id: JobId, name: str, argument: Any | None) -> bool:
    """Send a job's workflow a signal; returns and raises as `ask_to_cancel` does."""
    return await _told(client, job_id, name, *([] if argument is None else [argument]))


async def query(client: Client, job_id: JobId, name: str, result_type: type) -> Any:
    """Ask a job's workflow a question and return the answer as the type it declares.

    Raises:
        JobNotStarted: There is no such workflow yet.
        ServiceUnavailable: Temporal, or the worker that would have to answer, is silent.
    """
    handle = client.get_workflow_handle(str(job_id))
    try:
        with reaching():
            async with in_time():
                return await handle.query(name, result_type=result_type, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise JobNotStarted(f"job {str(job_id)!r} has no workflow yet") from error
        if error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise ServiceUnavailable(f"no worker answers for the job: {error.message}") from error
        raise


async def look(client: Client, job_id: JobId) -> Life:
    """Tell whether a job's latest workflow run goes on.

    Raises:
        ServiceUnavailable: Temporal does not answer.
    """
    # Through the raw service: the SDK's own describe() fails on statuses newer than itself.
    try:
        with reaching():
            found = await client.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(
                    namespace=client.namespace, execution=WorkflowExecution(workflow_id=str(job_id))
                ),
                timeout=RPC_TIMEOUT,
            )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Life.ABSENT
        raise
    return Life.OPEN if _goes_on(found.workflow_execution_info.status) else Life.CLOSED


async def broken_off_since(client: Client, queue: str, moment: datetime) -> AsyncIterator[str]:
    """Yield the workflow ids on a queue that closed at or after a moment, by visibility.

    Not of those that completed: they are most, they have said how they ended, and listing a
    thousand of them costs Temporal's local server 0.3 s, in which it does nothing else.
    """
    query = f"TaskQueue = '{queue}' AND {BROKEN_OFF} AND CloseTime >= '{moment.isoformat()}'"
    token = b""
    while True:
        with reaching():
            page = await client.workflow_service.list_workflow_executions(
                ListWorkflowExecutionsRequest(
                    namespace=client.namespace, query=query, page_size=500, next_page_token=token
                ),
                timeout=RPC_TIMEOUT,
            )
        for each in page.executions:
            yield each.execution.workflow_id
        token = page.next_page_token
        if not token:
            return


async def probe(client: Client, timeout: timedelta) -> None:
    """Make sure Temporal answers for our namespace.

    Raises:
        ServiceUnavailable: It does not answer in time.
        RPCError: It refuses us, or does not know the namespace.
    """
    with reaching():
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=timeout, retry=False
        )


async def retention(client: Client) -> timedelta:
    """Return how long Temporal remembers closed workflows.

    Raises:
        ServiceUnavailable: Temporal does not answer.
    """
    with reaching():
        found = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
        )
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


async def _told(client: Client, job_id: JobId, name: str, *args: Any) -> bool:
    handle = client.get_workflow_handle(str(job_id))
    try:
        with reaching():
            async with in_time():
                await handle.signal(name, args=args, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def _goes_on(status: WorkflowExecutionStatus.ValueType) -> bool:
    return status in {
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
    }
