"""Asking the model: building requests, validating answers, repairing one that does not fit."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

from jobs.errors import JobCanceled, OutputMismatch, SubmitParked, SubmitUncertain
from jobs.model import Ticket
from jobs.money import Cost
from jobs.polling import CEILINGS_BY_WINDOW, Ceilings
from jobs.ports import ResponseDeeds
from jobs.queues import Queue
from jobs.requests import (
    AdoptRequest,
    OutputSchema,
    ResponseRequest,
    StepOutcome,
    StepRequest,
    SubmitDecision,
    TextPart,
    Unanswered,
)
from jobs.schemas import strict_schema
from workflows.core import queues, storable, timing
from workflows.core.failures import failure_of
from workflows.core.steps import Scope, current_scope

M = TypeVar("M", bound=BaseModel)

REPAIR = """Your previous answer was:

{answer}

It does not fit the schema:

{mistakes}

Answer the request above again, so that it fits."""


NOT_IN_NAMES, LONGEST_NAME = re.compile(r"[^a-zA-Z0-9_-]"), 64


class Asking(Protocol):
    """What an asker needs to know of the job it asks for."""

    @property
    def ticket(self) -> Ticket[Any]:
        """The job's ticket."""

    @property
    def outermost(self) -> Scope:
        """The job's outermost scope of steps."""

    def remaining(self) -> timedelta:
        """Return the time left until the job's deadline."""

    async def wait_until(self, condition: Callable[[], bool], *, waiting_for: str) -> bool:
        """Wait for something a signal brings."""


@dataclass
class Parked:
    """A step whose submit is uncertain, and what was decided about that submit."""

    submit_number: int
    decision: SubmitDecision | None = None


class Asker:
    """Asks for one job and keeps count of it.

    Attributes:
        cost: What the answered steps cost.
        open_steps: Steps that were asked and not answered.
        is_over: Set when the work has ended: a signal's handler, or a task that `work` left behind,
            may still want to ask.
    """

    def __init__(self) -> None:
        self.cost = Cost()
        self.open_steps = 0
        self.is_over = False
        self._parked: dict[str, Parked] = {}
        self._early: dict[str, SubmitDecision] = {}

    async def text(self, job: Asking, question: ResponseRequest, summary: str) -> str:
        """Return the answer as it came."""
        return (await self._ask(job, question, summary)).text

    async def typed(
        self, job: Asking, question: ResponseRequest, summary: str, output: type[M]
    ) -> M:
        """Return the answer as a model; ask once more when it does not fit.

        Raises:
            OutputMismatch: The second answer does not fit either.
        """
        schema = OutputSchema(name=_schema_name(output), json_schema=strict_schema(output))
        question = question.model_copy(update={"output_schema": schema})
        answer = await self._ask(job, question, summary)
        try:
            return output.model_validate_json(storable.answer(answer.text))
        except ValidationError as mistakes:
            repair = _repair(question, answer.text, mistakes)
        answer = await self._ask(job, repair, f"{summary} (repair)")
        try:
            return output.model_validate_json(storable.answer(answer.text))
        except ValidationError as mistakes:
            raise OutputMismatch(f"{summary}: {_list(mistakes)}") from None

    def decide(self, decision: SubmitDecision) -> None:
        """Take a decision about a parked step.

        Without one, a retry means nothing; an adoption is kept, because a response can be found
        in the moment its step is being parked.
        """
        key = decision.step_key or next(iter(self._parked), None)
        if key in self._parked:
            if decision.submit_number in (None, self._parked[key].submit_number):
                self._parked[key].decision = decision
        elif key is not None and decision.response_id is not None:
            self._early[key] = decision

    async def _ask(self, job: Asking, question: ResponseRequest, summary: str) -> StepOutcome:
        if self.is_over and workflow.patched("no-asking-at-the-end"):
            raise JobCanceled("the work of the job has ended: nothing is asked any more")
        step = _step(job, question)
        self.open_steps += 1
        while (outcome := await self._tried(job, step, summary)) is None:
            # Not again at once: a decision or a turn has passed, so something has changed.
            step = self._decided(step)
        # Not in a finally: a step that failed or was cut off may have left a response open.
        self.open_steps -= 1
        self.cost += outcome.cost
        return outcome

    async def _tried(self, job: Asking, step: StepRequest, summary: str) -> StepOutcome | None:
        """Return the outcome; None when it has to be tried again."""
        try:
            outcome = await _respond(job, step, summary)
            while isinstance(outcome, Unanswered):
                is_long = outcome.waits_for is not None
                outcome = await _respond(job, step, summary, is_long=is_long)
            if outcome is None:
                await _submit(job, step, summary)
        except ActivityError as error:
            if failure_of(error).code != SubmitParked.code:
                raise
            await self._park(job, step, _number_of_parked(error))
            return None
        return outcome

    async def _park(self, job: Asking, step: StepRequest, number: int) -> None:
        """Wait until an uncertain submit is decided upon; if by an adoption, until that works."""
        key, trouble = step.step_key, ""
        parked = self._parked[key] = Parked(number, self._early.pop(key, None))
        while True:
            if (decision := parked.decision) is None:
                await job.wait_until(
                    lambda: parked.decision is not None,
                    waiting_for=f"{SubmitUncertain.code}: step {key}, submit {number}{trouble}",
                )
                continue
            if decision.response_id is None:
                return
            trouble = await _adopt(job, step, decision.response_id)
            if not trouble:
                return
            if parked.decision is decision:
                parked.decision = None

    def _decided(self, step: StepRequest) -> StepRequest:
        """Let a step be submitted again after one submit, if that was decided."""
        parked = self._parked.pop(step.step_key, None)
        if parked is None or parked.decision is None or parked.decision.response_id is not None:
            return step
        return step.model_copy(update={"retry_of": parked.submit_number})


def _number_of_parked(error: ActivityError) -> int:
    """Return the number of the submit because of which a deed parks its step."""
    facts = error.cause.details if isinstance(error.cause, ApplicationError) else ()
    return next((each for each in facts if isinstance(each, int)), 0)


def _step(job: Asking, question: ResponseRequest) -> StepRequest:
    options = job.ticket.options
    default = CEILINGS_BY_WINDOW[question.options.completion_window or "soonest"]
    queued, running = options.queued_ceiling_seconds, options.running_ceiling_seconds
    return StepRequest(
        job=job.ticket.job,
        step_key=current_scope(job.outermost).next_step_key(),
        root=job.ticket.root,
        request=question,
        max_tries=options.max_tries,
        on_uncertain=options.on_uncertain,
        ceilings=Ceilings(
            queued=timedelta(seconds=queued) if queued else default.queued,
            running=timedelta(seconds=running) if running else default.running,
        ),
    )


async def _respond(
    job: Asking, step: StepRequest, summary: str, *, is_long: bool = False
) -> StepOutcome | Unanswered | None:
    outcome: StepOutcome | Unanswered | None = await workflow.execute_activity_method(
        ResponseDeeds.respond,
        step.model_copy(update={"wait": "rest" if is_long else "first"}),
        schedule_to_close_timeout=job.remaining(),
        heartbeat_timeout=timing.RARE_HEARTBEAT if is_long else timing.HEARTBEAT,
        retry_policy=timing.PERSISTENT,
        summary=f"{summary} (long wait)" if is_long else summary,
        priority=timing.WATCHED if is_long else Priority.default,
    )
    return outcome


async def _adopt(job: Asking, step: StepRequest, response_id: str) -> str:
    """Adopt a response; return why it cannot be this step's, or nothing."""
    try:
        await queues.urgently(
            ResponseDeeds.adopt_response,
            AdoptRequest(step=step, response_id=response_id),
            remaining=job.remaining,
            start_to_close_timeout=timing.RECORD,
            summary=f"Adopt {response_id}",
        )
    except ActivityError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        return f" ({failure_of(error).message})"
    return ""


async def _submit(job: Asking, step: StepRequest, summary: str) -> None:
    """Submit where submits take turns: the rate budget had no room."""
    await workflow.execute_activity_method(
        ResponseDeeds.submit_response,
        step,
        task_queue=queues.named(Queue.OPENAI),
        schedule_to_close_timeout=job.remaining(),
        heartbeat_timeout=timing.HEARTBEAT,
        retry_policy=timing.PERSISTENT,
        summary=f"{summary} (submit in turn)",
    )


def _schema_name(output: type[BaseModel]) -> str:
    """Name a schema as the provider allows: generic models have brackets in their names."""
    return NOT_IN_NAMES.sub("_", output.__name__)[:LONGEST_NAME]


def _repair(question: ResponseRequest, answer: str, mistakes: ValidationError) -> ResponseRequest:
    """Ask again in full: a stored previous response may be gone, or the server may keep none."""
    words = TextPart(text=REPAIR.format(answer=answer, mistakes=_list(mistakes)))
    return question.model_copy(update={"input": (*question.input, words)})


def _list(mistakes: ValidationError) -> str:
    return "\n".join(
        f"- {'/'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}"
        for each in mistakes.errors(include_url=False, include_input=False)
    )
