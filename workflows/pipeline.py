"""Run a tree of jobs that a client declares: docs/pipelines.md describes the language."""

import asyncio
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio.exceptions import ApplicationError

from jobs.approvals import ApprovalAsk, Decision
from jobs.children import ChildOutcome, child_id
from jobs.options import JobOptions, ResponseOptions
from jobs.pipeline.board import Board, NodeReport
from jobs.pipeline.bounds import MAX_WINDOW
from jobs.pipeline.checking import check
from jobs.pipeline.forecast import forecast
from jobs.pipeline.hosting import short
from jobs.pipeline.interpreter import Interpreter
from jobs.pipeline.picture import draw
from jobs.pipeline.scopes import NodeFailed
from jobs.pipeline.tree import ApprovalStep, PipelineInput
from jobs.registry import find
from workflows.core import Job, job, query

LONGEST_CHILD_KEY, LONGEST_APPROVAL_KEY = 500, 200

STEPS_OF_PROGRESS = 50
"""Progress is written when so small a share more is done: each write is an event of a history."""


NOTHING_CHOSEN = ResponseOptions()


class PipelineOutput(BaseModel):
    """What a pipeline gave.

    Attributes:
        result: What the outermost node gave.
        results: What every node with an id gave, except those inside of maps; null where a node
            failed or never began.
        nodes: What became of every node, with the child job that ran it.
    """

    result: Any = None
    results: dict[str, Any] = {}
    nodes: list[NodeReport] = []


@job(
    "pipeline",
    title="Run a pipeline of jobs",
    expected=timedelta(minutes=5),
    deadline=timedelta(days=7),
    failure_modes=(
        "reference_failed",
        "node_payload_invalid",
        "too_few_succeeded",
        "too_many_items",
        "approval_rejected",
        "approval_timed_out",
        "deadline_exceeded",
    ),
    check=check,
    forecast=forecast,
)
class Pipeline(Job[PipelineInput, PipelineOutput]):
    """Run a tree of jobs: chains, groups, chords, maps and approvals, each job a child of its own.

    Results of earlier nodes are handed on by references. The whole tree is checked before anything
    starts. A failure has the code of the node that failed, and its name in the message.
    """

    interpreter: Interpreter | None = None

    async def work(self, input: PipelineInput) -> PipelineOutput:
        self.interpreter = interpreter = Interpreter(_Host(self), input)
        try:
            result = await interpreter.run()
        except NodeFailed as error:
            words = f"{error.node}: {error.message}"
            raise ApplicationError(words, type=error.code, non_retryable=True) from error
        return PipelineOutput(result=result, results=interpreter.results, nodes=self.nodes())

    @query
    def nodes(self) -> list[NodeReport]:
        """What became of every node so far."""
        return self.interpreter.board.reports() if self.interpreter else []

    @query
    def picture(self) -> str:
        """The tree as Mermaid text, each node in the colour of its state."""
        if self.interpreter is None:
            return ""
        return draw(self.interpreter.work.tree, self.interpreter.board.states_by_pointer())

    def details(self) -> str:
        """Show the picture in Temporal UI."""
        picture = self.picture()
        return picture and f"```mermaid\n{picture}\n```"


class _Host:
    """Does with the kit what a tree asks for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._gate = asyncio.Semaphore(MAX_WINDOW)
        self._told = ("", 0)

    @property
    def _board(self) -> Board:
        if self._pipeline.interpreter is None:
            raise RuntimeError("the tree does not run yet")
        return self._pipeline.interpreter.board

    def own_references(self, job_type: str) -> frozenset[str]:
        """Return the members of a type's payload whose references are not the pipeline's."""
        found = find(job_type)
        return found.own_references if found else frozenset()

    async def run(
        self, job_type: str, payload: dict[str, Any], options: JobOptions, *, key: str
    ) -> ChildOutcome:
        """Run a child job; what its node chose wins over what the client chose for all."""
        ticket, child_key = self._pipeline.ticket, short(key, LONGEST_CHILD_KEY)
        chosen = options.model_dump(exclude_unset=True, exclude_none=True)
        inherited = ticket.options.for_child(NOTHING_CHOSEN)
        async with self._gate:
            # Not when it has ended: the end of one that is canceled is told to nobody.
            self._board.assign(key, child_id(ticket.job.job_id, child_key))
            return await self._pipeline.run_job(
                job_type,
                payload,
                key=child_key,
                options=inherited.model_copy(update=chosen),
                summary=f"{key}: {job_type}",
            )

    async def ask(self, step: ApprovalStep, shown: Any, *, key: str) -> Decision:
        """Ask people."""
        return await self._pipeline.approval(
            ApprovalAsk(
                key=short(key, LONGEST_APPROVAL_KEY),
                title=step.title,
                shown=shown,
                editable=step.editable,
                timeout=_seconds(step.timeout_seconds),
                remind_after=_seconds(step.remind_after_seconds),
                default=step.default,
            )
        )

    def moved(self) -> None:
        """Tell how many leaves are done, of those known."""
        board = self._board
        stage, done, known = board.stage() or self._told[0], board.leaves_done, board.leaves
        more = done - self._told[1]
        if stage != self._told[0] or more * STEPS_OF_PROGRESS >= known or (more and done == known):
            self._told = stage, done
            self._pipeline.progress_to(stage, done, known)
        else:
            self._pipeline.show()


def _seconds(given: int | None) -> timedelta | None:
    return None if given is None else timedelta(seconds=given)
