"""A job's way from its start to its end: what it holds, what it answers, and how it is stopped."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Generic

from pydantic import BaseModel
from temporalio import workflow

from jobs.approvals import Answer
from jobs.errors import DeadlineExceeded
from jobs.model import In, Out, Outcome, Progress, ProgressReport, Ticket
from jobs.money import Cost
from jobs.ports import ControlDeeds
from jobs.requests import SubmitDecision
from workflows.core import endings, queues, timing
from workflows.core.approvals import Approvals
from workflows.core.asking import Asker
from workflows.core.children import Children
from workflows.core.details import markdown
from workflows.core.recorder import Recorder
from workflows.core.steps import Scope
from workflows.core.waits import Waits


class Lifecycle(Generic[In, Out]):
    """What is the same for every job, whatever its `work` does. `Job` adds what `work` may use."""

    title: ClassVar[str] = ""
    output_type: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self) -> None:
        self._ticket: Ticket[Any] | None = None
        self._progress = Progress()
        self._recorder = Recorder(self._report, self.cancel_as_recorded)
        self._waits = Waits(self.remaining, lambda: self.report(self._progress))
        self._cancel_asked = False
        self._asker = Asker()
        self._approvals = Approvals()
        self.children = Children()
        self._work: asyncio.Task[Any] | None = None
        self._handler_error: Exception | None = None
        self.outermost = Scope()

    async def work(self, input: In) -> Out:
        """Do the job. Raise an error from `jobs.errors` to fail with its code."""
        raise NotImplementedError

    def details(self) -> str:
        """Add Markdown to what Temporal UI shows; called at every change, so it has to be quick."""
        return ""

    # --- What every job answers ------------------------------------------------------------------

    @workflow.query(name="progress", description="How far the job is")
    def _query_progress(self) -> Progress:
        return self._progress

    @workflow.query(name="cost", description="Tokens and dollars so far")
    def _query_cost(self) -> Cost:
        return self.cost

    @workflow.signal(name="cancel", description="Cancel the job and its open responses")
    async def _signal_cancel(self, reason: str = "") -> None:
        # Raising in here would close the workflow as Failed: Temporal itself has to cancel it.
        if not self._cancel_asked:
            self._cancel_asked = True
            await self.cancel_self(reason)

    @workflow.signal(name="retry", description="Submit a parked step again")
    async def _signal_retry(self, decision: SubmitDecision | None = None) -> None:
        self._asker.decide(decision or SubmitDecision())

    @workflow.signal(name="adopt", description="Take a response as a parked step's answer")
    async def _signal_adopt(self, decision: SubmitDecision) -> None:
        self._asker.decide(decision)

    @workflow.signal(name="approve", description="Approve what an open approval shows")
    async def _signal_approve(self, answer: Answer | None = None) -> None:
        self._approvals.answer(True, answer)

    @workflow.signal(name="reject", description="Reject what an open approval shows")
    async def _signal_reject(self, answer: Answer | None = None) -> None:
        self._approvals.answer(False, answer)

    # --- What the kit's other files use ----------------------------------------------------------

    @property
    def ticket(self) -> Ticket[In]:
        """What the job was started with."""
        if self._ticket is None:
            raise RuntimeError("the job has not begun")
        return self._ticket

    @property
    def progress(self) -> Progress:
        """The last progress reported."""
        return self._progress

    @property
    def has_open_steps(self) -> bool:
        """Whether a response was asked for and not answered."""
        return self._asker.open_steps > 0

    @property
    def cost(self) -> Cost:
        """What the answered steps and the ended children cost."""
        return self._asker.cost + self.children.cost

    async def carry(self, ticket: Ticket[In]) -> Outcome[Out]:
        """Run `work` and see to it that the job ends once, the same way everywhere."""
        self._ticket = ticket
        self.show()
        return await endings.carry(self, ticket)

    async def worked(self, input: In) -> Out:
        """Run `work`; what a signal handler raises meanwhile counts as raised by `work`."""
        self._work = asyncio.create_task(self._begun(input))
        try:
            output: Out = await self._work
        finally:
            if self._handler_error is not None:
                raise self._handler_error
        if not isinstance(output, self.output_type):
            expected = self.output_type.__name__
            raise TypeError(f"work returned {type(output).__name__}, not {expected}")
        return output

    async def _begun(self, input: In) -> Out:
        """Begin to work, unless a cancel came before: then nothing may be submitted any more."""
        if self._cancel_asked and workflow.patched("cancel-before-work"):
            await _until_canceled()
        output: Out = await self.work(input)
        return output

    async def handle(self, handler: Callable[..., Any], *payload: Any) -> None:
        """Run a signal handler once the job has begun; its failure is the job's."""
        # A signal can come before the first workflow task, and is then handled before `run`.
        await workflow.wait_condition(lambda: self._work is not None)
        try:
            handled = handler(self, *payload)
            if inspect.isawaitable(handled):
                await handled
        except Exception as error:  # noqa: BLE001 # `worked` raises it; here it would close the workflow unrecorded
            self._handler_error = error
            if self._work is not None:
                self._work.cancel()

    def end_work(self) -> None:
        """Let nothing be asked any more: the job is about to end."""
        self._asker.is_over = True
        self._recorder.close()

    def remaining(self) -> timedelta:
        """Return the time left until the job's deadline.

        Raises:
            DeadlineExceeded: There is none left.
        """
        spent = workflow.now() - workflow.info().workflow_start_time
        left = self.ticket.deadline - spent
        if left <= timedelta(0):
            raise DeadlineExceeded(f"the job took longer than {self.ticket.deadline}")
        return left

    async def cancel_self(self, reason: str) -> None:
        """Have Temporal cancel this workflow and wait until it has."""
        await queues.urgently(
            ControlDeeds.cancel_own_workflow,
            reason,
            start_to_close_timeout=timing.CONTROL,
            summary="Turn the cancel signal into a cancellation",
        )
        await _until_canceled()

    async def cancel_as_recorded(self) -> None:
        """Have Temporal cancel this workflow, whose cancel only the record knew so far."""
        if not self._cancel_asked:
            self._cancel_asked = True
            await self.cancel_self("canceled in the record")
        await _until_canceled()

    def report(self, progress: Progress) -> None:
        """Show a progress and have it written, unless a write is under way and will take it."""
        self._progress = progress
        self.show()
        self._recorder.wake()

    async def recorded(self) -> None:
        """Wait until no write of progress is under way, nor one of an approval given up."""
        await self._recorder.idle()
        await self._approvals.withdrawn()

    def _report(self) -> ProgressReport:
        return ProgressReport(
            job=self.ticket.job, progress=self._progress, waiting_for=self._waits.waiting_for
        )

    def show(self) -> None:
        """Bring what Temporal UI shows up to date."""
        workflow.set_current_details(markdown(self, self._waits.waiting_for))


async def _until_canceled() -> None:
    """Wait until Temporal has canceled this workflow."""
    await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)
