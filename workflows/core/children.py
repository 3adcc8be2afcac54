"""Running other jobs from a job: each one has its own row, workflow, cost and events."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)

from jobs import starting
from jobs.children import ChildOpening, ChildOutcome, ChildRequest, OpenedChild
from jobs.model import Outcome, Ticket
from jobs.money import Cost
from jobs.ports import ChildDeeds
from jobs.status import JobStatus
from workflows.core import storable, timing
from workflows.core.records import write

Handle = workflow.ChildWorkflowHandle[Any, Outcome[Any]]


class Parent(Protocol):
    """What must be known of the job that runs others."""

    @property
    def ticket(self) -> Ticket[Any]:
        """The job's ticket."""

    def remaining(self) -> timedelta:
        """Return the time left until the job's deadline."""

    async def cancel_as_recorded(self) -> None:
        """Have Temporal cancel the job, whose cancel only the record knew so far."""


class Children:
    """The jobs that one job runs, and what they cost."""

    def __init__(self) -> None:
        self.cost = Cost()
        self._keys: set[str] = set()
        self._open: list[_Child] = []
        self._gate = asyncio.Semaphore(timing.STARTS)

    @property
    def are_open(self) -> bool:
        """Whether a child has not ended."""
        return bool(self._open)

    async def run(self, parent: Parent, request: ChildRequest, summary: str) -> ChildOutcome:
        """Run a child and return how it ended. A cancel of the caller reaches the child.

        Raises:
            ValueError: Another child has this key, or the payload cannot be kept.
            DeadlineExceeded: The caller has no time left.
            CancelledError: The caller is canceled; the child is being canceled or has ended.
        """
        if request.key in self._keys:
            raise ValueError(f"two children of a job cannot have the same key, {request.key!r}")
        self._keys.add(request.key)
        # As the child and the record will see it: plain JSON.
        request = ChildRequest.model_validate_json(storable.result(request.model_dump_json()))
        child = _Child(parent, request, summary, self._gate)
        child.task = asyncio.create_task(self._carry(child))
        try:
            return await asyncio.shield(child.task)
        except asyncio.CancelledError:
            child.cancel(workflow.cancellation_reason() or "its parent does not need it any more")
            await _let_end(child.task)
            raise

    async def close(self, reason: str) -> None:
        """Cancel every open child and wait until all have ended, each with its responses."""
        for child in self._open:
            child.cancel(reason)
        tasks = [child.task for child in self._open if child.task]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, child: "_Child") -> ChildOutcome:
        self._open.append(child)
        try:
            outcome = await child.carry()
        finally:
            self._open.remove(child)
        self.cost += outcome.cost
        return outcome


async def _let_end(task: "asyncio.Task[ChildOutcome]") -> None:
    """Wait for a child; not while its parent is ending, which waits for all children at once."""
    while not task.done() and workflow.cancellation_reason() is None:
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)


class _Child:
    """One child. Its task is never canceled: what a cancel has to reach is the child itself."""

    def __init__(
        self, parent: Parent, request: ChildRequest, summary: str, gate: asyncio.Semaphore
    ) -> None:
        self.task: asyncio.Task[ChildOutcome] | None = None
        self._parent, self._summary, self._gate = parent, summary, gate
        self._opening = ChildOpening(parent=parent.ticket.job, child=request)
        self._ends_at = workflow.now() + parent.remaining()
        self._canceled: str | None = None
        self._has_workflow = False
        self._telling: asyncio.Task[None] | None = None

    def cancel(self, reason: str) -> None:
        """Ask for the child's end, before or after it has started."""
        if self._canceled is None:
            self._canceled = reason
            self._tell()

    async def carry(self) -> ChildOutcome:
        """Open, start and await the child; return how it ended."""
        opened = await self._open()
        if opened is None:
            await self._parent.cancel_as_recorded()
            raise asyncio.CancelledError
        if opened.outcome is not None:
            return opened.outcome
        try:
            if handle := await self._started(opened):
                return self._succeeded(await handle)
        except ChildWorkflowError:
            pass  # the record knows more about it
        except WorkflowAlreadyStartedError:
            self._found()
        return await self._recorded_outcome()

    async def _open(self) -> OpenedChild | None:
        opened: OpenedChild | None = await write(
            ChildDeeds.open_child,
            self._opening,
            self._summary,
            waiting=f"Record a child: {self._summary}",
        )
        return opened

    async def _started(self, opened: OpenedChild) -> Handle | None:
        """Start the child's workflow when its turn has come; None when nobody wants it any more.

        Raises:
            WorkflowAlreadyStartedError: It was started by an earlier run of the parent.
        """
        async with self._gate:
            if self._canceled is not None:
                return None
            handle = await self._start(opened)
        self._found()
        return handle

    async def _start(self, opened: OpenedChild) -> Handle:
        ticket = self._ticket(opened)
        parent = self._opening.parent.job_id
        return await workflow.start_child_workflow(
            ticket.job.type,
            ticket,
            id=str(ticket.job.job_id),
            result_type=Outcome[Any],
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            execution_timeout=ticket.deadline + starting.BACKSTOP,
            search_attributes=starting.search_attributes(ticket.job, parent),
            static_summary=self._summary,
            priority=starting.priority(ticket.job, ticket.options),
        )

    def _found(self) -> None:
        self._has_workflow = True
        self._tell()

    def _tell(self) -> None:
        """Have the child's workflow canceled, once that is wanted and there is one."""
        if self._has_workflow and self._canceled is not None:
            self._telling = asyncio.create_task(self._cancel_workflow(self._canceled))

    async def _cancel_workflow(self, reason: str) -> None:
        # By its id: once its parent was reset, Temporal refuses cancels by way of its handle.
        child = workflow.get_external_workflow_handle(str(self._opening.job.job_id))
        with suppress(FailureError):  # it has ended meanwhile
            await child.cancel(reason=reason)

    def _ticket(self, opened: OpenedChild) -> Ticket[Any]:
        parent, request = self._parent.ticket, self._opening.child
        # The deadline can have passed while Postgres was away; then the child says so.
        left = max(self._ends_at - workflow.now(), timing.SHORTEST_CHILD)
        return Ticket[Any](
            job=self._opening.job,
            root=parent.root or parent.job.job_id,
            input=request.payload,
            options=request.options,
            deadline=min(opened.deadline, left),
            expected=opened.expected,
        )

    def _succeeded(self, outcome: Outcome[Any]) -> ChildOutcome:
        return ChildOutcome(
            job_id=self._opening.job.job_id,
            status=JobStatus.SUCCEEDED,
            output=outcome.output,
            cost=outcome.cost,
        )

    async def _recorded_outcome(self) -> ChildOutcome:
        """Ask the record how the child ended; it knows the cost and what stood in the end."""
        outcome: ChildOutcome = await write(
            ChildDeeds.child_outcome,
            self._opening.job,
            f"How it ended: {self._summary}",
            waiting=f"Wait for the record: {self._summary}",
        )
        return outcome
