"""The base class of every job type."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, overload

from pydantic import BaseModel
from temporalio import workflow

from jobs.approvals import ApprovalAsk, Decision
from jobs.children import ChildOutcome, ChildRequest
from jobs.errors import JobDefect
from jobs.model import In, Out, Progress
from jobs.options import ResponseOptions
from jobs.requests import (
    DocumentPart,
    ExtractedDocument,
    InputPart,
    PromptReference,
    ResponseRequest,
    TextPart,
)
from jobs.tools import run_by_callers
from jobs.values import DocumentId
from workflows.core import reading, storable, tasks, timing
from workflows.core.lifecycle import Lifecycle
from workflows.core.steps import current_scope

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)

NO_CHOICE = ResponseOptions()


class Job(Lifecycle[In, Out]):
    """One background job. Subclass it, write `work`, decorate with `@job`.

    Its methods are what the kit offers to `work`. All of it is durable: after a crash,
    `work` goes on where it was, and nothing that was paid for is asked again.
    """

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
            tools: The provider's built-in tools, as its API describes them: those it runs itself.

        Raises:
            JobDefect: There is a tool that the provider leaves to its caller, such as a function.
            OutputMismatch: Even the repaired answer does not fit.
            ActivityError: The step failed for good; its cause carries the code.
        """
        # Steps from before this was looked at were asked already; their answers are judged.
        if (left := run_by_callers(tools)) and workflow.patched("tools-of-callers"):
            raise JobDefect(f"only tools that the provider runs can be used, not {', '.join(left)}")
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
