"""Asking the model: building requests, validating answers, repairing one that does not fit."""

import re
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio import workflow

from jobs.errors import OutputMismatch
from jobs.model import Ticket
from jobs.money import Cost
from jobs.ports import ResponseDeeds
from jobs.queues import Queue
from jobs.requests import (
    InputPart,
    OutputSchema,
    ResponseRequest,
    StepOutcome,
    StepRequest,
    TextPart,
)
from jobs.schemas import strict_schema
from workflows.core import storable, timing
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


class Asker:
    """Asks for one job and keeps count of it."""

    def __init__(self) -> None:
        self.cost = Cost()
        self.open_steps = 0

    def question(
        self,
        ticket: Ticket[Any],
        parts: tuple[InputPart, ...],
        *,
        instructions: str | None,
        model: str | None,
        max_output_tokens: int | None,
    ) -> ResponseRequest:
        """Build a request; what the client chose for the job wins over what its author chose."""
        return ResponseRequest(
            input=parts,
            instructions=instructions,
            model=ticket.options.model or model,
            max_output_tokens=ticket.options.max_output_tokens or max_output_tokens,
        )

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

    async def _ask(self, job: Asking, question: ResponseRequest, summary: str) -> StepOutcome:
        step = StepRequest(
            job=job.ticket.job,
            step_key=current_scope(job.outermost).next_step_key(),
            request=question,
            max_tries=job.ticket.options.max_tries,
        )
        self.open_steps += 1
        while (outcome := await _respond(job, step, summary)) is None:
            await _submit(job, step, summary)
        # Not in a finally: a step that failed or was cut off may have left a response open.
        self.open_steps -= 1
        self.cost += outcome.cost
        return outcome


async def _respond(job: Asking, step: StepRequest, summary: str) -> StepOutcome | None:
    outcome: StepOutcome | None = await workflow.execute_activity_method(
        ResponseDeeds.respond,
        step,
        schedule_to_close_timeout=job.remaining(),
        heartbeat_timeout=timing.HEARTBEAT,
        retry_policy=timing.PERSISTENT,
        summary=summary,
    )
    return outcome


async def _submit(job: Asking, step: StepRequest, summary: str) -> None:
    """Submit where submits take turns: the rate budget had no room."""
    await workflow.execute_activity_method(
        ResponseDeeds.submit_response,
        step,
        task_queue=Queue.OPENAI.under(workflow.info().task_queue),
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
