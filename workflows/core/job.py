"""The base class of every job type."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar, overload

from pydantic import BaseModel
from temporalio import workflow

from jobs.approvals import Answer, ApprovalAsk, Decision
from jobs.children import ChildOutcome, ChildRequest
from jobs.errors import DeadlineExceeded
from jobs.model import In, Out, Outcome, Progress, ProgressReport, Ticket
from jobs.money import Cost
from jobs.options import ResponseOptions
from jobs.ports import ControlDeeds
from jobs.requests import (
    DocumentPart,
    ExtractedDocument,
    InputPart,
    PromptReference,
    ResponseRequest,
    SubmitDecision,
    TextPart,
)
from jobs.values import DocumentId
from workflows.core import endings, reading, storable, tasks, timing
from workflows.core.approvals import Approvals
from workflows.core.asking import Asker
from workflows.core.children import Children
from workflows.core.details import markdown
from workflows.core.recorder import Recorder
from workflows.core.steps import Scope, current_scope
from workflows.core.waits import Waits

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)

NO_CHOICE = ResponseOptions()


class Job(Generic[In, Out]):
    """One background job. Subclass it, write `work`, decorate with `@job`.

    Everything below `work` is what the kit offers to it. All of it is durable: after a crash,
    `work` goes on where it was, and nothing that was paid for is asked again.
    """

    title: ClassVar[str] = ""
    output_type: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self) -> None:
        self._ticket: Ticket[Any] | None = None
        self._progress = Progress()
        self._recorder = Recorder(self._report)
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

    # --- What `work` may use ---------------------------------------------------------------------

    @overload
    async def respond(
        self,
        prompt: str | Sequence[InputPart],
        *,
        summary: str,
        instructions: str | None = ...,
        options: ResponseOptions = ...,
        reference: PromptReference | None = ...,
        tools: Sequence[dict[str, Any]] = ...,
    ) -> str: ...

    @overload
    async def respond(
        self,
        prompt: str | Sequence[InputPart],
        *,
        summary: str,
        output: type[M],
        instructions: str | None = ...,
        options: ResponseOptions = ...,
        reference: PromptReference | None = ...,
        tools: Sequence[dict[str, Any]] = ...,
    ) -> M: ...

    async def respond(
        self,
        prompt: str | Sequence[InputPart],
        *,
        summary: str,
        output: type[M] | None = None,
        instructions: str | None = None,
        options: ResponseOptions = NO_CHOICE,
        reference: PromptReference | None = None,
        tools: Sequence[dict[str, Any]] = (),
    ) -> str | M:
        """Ask the model, durably, and return its answer.

        Args:
            prompt: The user's words, or parts, some of which may lie in the object store.
            summary: What this step is about, for Temporal UI.
            output: Model the answer must fit. Without it the answer is plain text. An answer that
                does not fit is asked for once more, with the mistakes named.
            instructions: The system's words.
            options: Choices for this response; what the client chose for the whole job wins.
            reference: A prompt kept at the provider, used together with `prompt`.
            tools: The provider's built-in tools, as its API describes them.

        Raises:
            OutputMismatch: Even the repaired answer does not fit.
            ActivityError: The step failed for good; its cause carries the code.
        """
        question = ResponseRequest(
            input=(TextPart(text=prompt),) if isinstance(prompt, str) else tuple(prompt),
            instructions=instructions,
            options=self.ticket.options.over(options),
            prompt=reference,
            tools=tuple(tools),
        )
        if output is None:
            answer: str | M = await self._asker.text(self, question, summary)
        else:
            answer = await self._asker.typed(self, question, summary, output)
        self.show()
        return answer

    async def gather(
        self,
        items: Sequence[T],
        do: Callable[[T], Awaitable[R]],
        *,
        name: str = "items",
        limit: int = timing.WIDTH,
    ) -> list[R]:
        """Do something with every item, at most `limit` at once; results keep the items' order.

        The first failure cancels the other items and is raised. `name` stands in the step keys.
        """
        scope = current_scope(self.outermost)
        return await tasks.gather(items, do, scope=scope, name=name, limit=limit)

    async def extract(self, document_id: DocumentId) -> ExtractedDocument:
        """Turn a document into text chunks that each fit the model's window.

        Raises:
            ActivityError: The document is missing, broken, encrypted …; the cause carries the code.
        """
        return await reading.extract(self.ticket, document_id, self.remaining())

    async def attach(self, document_id: DocumentId) -> DocumentPart:
        """Return a part of a prompt that gives the model a document as the original file.

        The file is uploaded to the provider when a prompt with it is first submitted, and used
        again by whoever attaches the document later.

        Raises:
            ActivityError: The document is missing or too large; the cause carries the code.
        """
        return await reading.attach(self.ticket, document_id, self.remaining())

    async def run_job(
        self,
        type: str,
        payload: dict[str, Any] | BaseModel,
        *,
        key: str,
        options: ResponseOptions = NO_CHOICE,
        summary: str | None = None,
    ) -> ChildOutcome:
        """Run another job as a child of this one and return how it ended, well or not.

        Args:
            type: The name of its job type.
            payload: What it is given; one that does not fit makes it fail with `invalid_payload`.
            key: Names it among this job's children; the same on every replay.
            options: Choices for its responses; what the client chose for this job wins. Complete
                `JobOptions` are taken as they are.
            summary: What it is about, for Temporal UI.

        Raises:
            ValueError: Another child has this key, or the payload holds a NUL.
            DeadlineExceeded: This job has no time left.
        """
        request = ChildRequest(
            key=key,
            type=type,
            payload=payload if isinstance(payload, dict) else payload.model_dump(mode="json"),
            options=self.ticket.options.for_child(options),
        )
        outcome = await self.children.run(self, request, summary or f"{type} {key}")
        self.show()
        return outcome

    async def approval(self, ask: ApprovalAsk, *, edits: type[BaseModel] | None = None) -> Decision:
        """Show something to people and wait until somebody approves or rejects it.

        Args:
            ask: What is shown, until when, and what counts when nobody answers.
            edits: Model that edits have to fit; makes the approval editable. Those of the decision
                are plain JSON that fits it.

        Raises:
            ApprovalTimedOut: Nobody answered, and there is no default.
            ApprovalEditsUnfit: The edits fit the model's schema only; ask again by another key.
            ApprovalMalformed: It is too large to be shown, or its key was asked for before.
            DeadlineExceeded: The job's deadline passed first.
        """
        return await self._approvals.ask(self, ask, edits)

    async def wait_until(
        self,
        condition: Callable[[], bool],
        *,
        waiting_for: str,
        timeout: timedelta | None = None,
    ) -> bool:
        """Wait for something a signal brings; `waiting_for` is shown to the client meanwhile.

        Returns:
            Whether it came: False once `timeout` has passed.

        Raises:
            DeadlineExceeded: The job's deadline passed first.
        """
        return await self._waits.until(condition, waiting_for, timeout)

    def progress_to(self, stage: str, current: int = 0, total: int = 0) -> None:
        """Say how far the job is. Cheap: what changes faster than it is written is skipped."""
        self.report(
            Progress(
                stage=storable.words(stage),
                current=storable.count(current),
                total=storable.count(total),
            )
        )

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
        self._work = asyncio.create_task(self.work(input))
        try:
            output: Out = await self._work
        finally:
            if self._handler_error is not None:
                raise self._handler_error
        if not isinstance(output, self.output_type):
            expected = self.output_type.__name__
            raise TypeError(f"work returned {type(output).__name__}, not {expected}")
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
        await workflow.execute_activity_method(
            ControlDeeds.cancel_own_workflow,
            reason,
            start_to_close_timeout=timing.CONTROL,
            retry_policy=timing.PERSISTENT,
            summary="Turn the cancel signal into a cancellation",
        )
        await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)

    async def cancel_as_recorded(self) -> None:
        """Have Temporal cancel this workflow, whose cancel only the record knew so far."""
        if not self._cancel_asked:
            self._cancel_asked = True
            await self.cancel_self("canceled in the record")
        await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)

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
