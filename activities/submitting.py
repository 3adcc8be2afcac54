"""Submitting a response so that every POST is accounted for, whatever dies in between."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

import asyncpg
from openai.types.responses import Response, ResponseInputContentParam
from temporalio import activity

from activities.attaching import Attacher
from activities.keeping import Keeper
from activities.provider import Address, Content, Created, Provider
from activities.pulse import Pulse
from activities.releasing import Releaser
from activities.retrying import is_parked, pause_before_next, seconds_to_next
from activities.uncertainty import count_fate, note_lost
from activities.verdicts import ENDED
from jobs.errors import (
    DocumentNotFound,
    JobCanceled,
    JobError,
    ProviderBadRequest,
    ProviderNotFound,
    ResponseTruncated,
    ServiceUnavailable,
    StepTakenOver,
    SubmitParked,
    SubmitUncertain,
    TriesExhausted,
)
from jobs.requests import (
    DocumentPart,
    FilePart,
    InputPart,
    ResponseRequest,
    StepRequest,
    TextPart,
)
from storage import budgets, responses
from storage.database import Database
from storage.objects import Objects
from storage.responses import Settlement, State, Submit
from telemetry import instruments

T = TypeVar("T")

logger = logging.getLogger(__name__)

BUDGET = "openai"
"""Name of the rate budget: one installation submits under one key."""


LARGEST_OUTPUT_TOKENS = 128_000
"""What an extended token limit grows to at the most; the largest output of current models."""


IN_THE_WAY = (State.OPEN, State.EFFECTIVE)
"""States of a response beside which no other may be submitted."""


@dataclass(frozen=True)
class Submitter:
    """Writes the intent, posts, stores the id."""

    db: Database
    objects: Objects
    provider: Provider
    releaser: Releaser
    keeper: Keeper
    attacher: Attacher
    installation: UUID
    default_model: str
    requests_per_minute: int | None = None

    async def has_room(self) -> bool:
        """Take one submit out of the rate budget, if it has room."""
        if self.requests_per_minute is None:
            return True
        return await budgets.reserve(self.db, BUDGET, per_minute=self.requests_per_minute)

    async def charge(self) -> None:
        """Take one submit out of the rate budget that its queue has spaced already."""
        if self.requests_per_minute is not None:
            await budgets.charge(self.db, BUDGET, per_minute=self.requests_per_minute)

    def check(self, step: StepRequest, earlier: list[Submit]) -> None:
        """Make sure that a step may be submitted once more.

        Raises:
            TriesExhausted: It was submitted often enough.
            SubmitParked: The last submit is uncertain, and an operator has to decide.
        """
        if not earlier:
            return
        last = earlier[-1]
        words = f"{last.error_code}: {last.error_message}"
        if last.state is State.UNCERTAIN and is_parked(step, last.number):
            count_fate(last, "parked")
            raise SubmitParked(f"submit {last.number}: {words}", submit_number=last.number)
        if len(earlier) >= step.max_tries:
            raise TriesExhausted(f"{len(earlier)} tries, the last one: {words}")

    async def submit(self, step: StepRequest, earlier: list[Submit]) -> tuple[Submit, Response]:
        """Submit a step once more.

        Cancelling this does not come between an intent and its POST, nor cut off a POST in flight:
        it is awaited, its id stored, and, when the job was canceled, the response canceled, before
        the cancellation goes on. Only a synchronous one is cut off, and uncertain then: it can last
        as long as its answer takes.

        Args:
            step: What to submit.
            earlier: Every submit of the step so far.

        Raises:
            JobCanceled: Nobody wants the answer any more.
            SubmitUncertain: The reply was lost, and the ledger says so.
            ProviderFailure: The provider refused, and the ledger says so.
            ServiceUnavailable: Nothing was submitted; or the provider accepted, and the keeper has
                the id until the ledger takes it.
        """
        # First, so that what cannot be fetched or uploaded leaves no intent that nobody posted.
        content = await self._content(step)
        cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        posting = asyncio.ensure_future(self._post(step, earlier, content, cut))
        return await _unbroken(posting, cut if self.provider.is_synchronous else None)

    def is_of(self, address: Address, step: StepRequest) -> bool:
        """Tell whether a response was submitted for a step."""
        whose = (address.installation, address.job_id, address.step_key)
        return whose == (self.installation, step.job.job_id, step.step_key)

    async def give_up(self, step: StepRequest, submit: Submit) -> None:
        """Note that the reply to a submit is lost: whoever posted it is gone."""
        gone = SubmitUncertain(
            "the worker stopped before the reply was stored", retry_after_seconds=0
        )
        await self._lost(step, submit, gone)

    async def adopt(self, submit: Submit, response_id: str) -> Submit | None:
        """Store the id of a submit whose poster could not; None when nobody wants it any more.

        Cancelling this does not keep the id from being stored.
        """
        return await _unbroken(asyncio.ensure_future(self._adopted(submit, response_id)))

    async def _adopted(self, submit: Submit, response_id: str) -> Submit | None:
        adopted, wanted = await self._stored(submit, response_id, None)
        count_fate(submit, "adopted" if wanted else "released")
        if wanted:
            return adopted
        await self.releaser.release(adopted)
        return None

    async def _stored(
        self, submit: Submit, response_id: str, request_id: str | None
    ) -> tuple[Submit, bool]:
        """Store an id, as `store_response_id` does; if Postgres is away, see to it that it is."""
        try:
            return await responses.store_response_id(self.db, submit, response_id, request_id)
        except (ServiceUnavailable, asyncpg.PostgresError) as error:
            self.keeper.keep(submit, response_id, request_id)
            if activity.in_activity():
                # If this process is killed, the next attempt, in another, finds the id here.
                activity.heartbeat(Pulse(submit_number=submit.number, response_id=response_id))
            words = f"response {response_id} could not be written down yet"
            raise ServiceUnavailable(words) from error

    async def _intend(self, step: StepRequest, number: int) -> Submit:
        intent = await responses.open_intent(
            self.db,
            step.job,
            step.step_key,
            number,
            model=step.request.options.model or self.default_model,
            fingerprint=step.request.fingerprint(),
            delete_wanted=bool(step.request.options.delete_after_collect),
        )
        if intent is not None:
            return intent
        submits = await responses.submits_of(self.db, step.job, step.step_key)
        if len(submits) >= number:
            raise StepTakenOver(f"submit {number} was begun by another attempt")
        if any(each.response_id and each.state in IN_THE_WAY for each in submits):
            raise StepTakenOver("the response to a lost submit was found meanwhile")
        raise JobCanceled(
            "the job or its work has ended, or is being canceled: nothing was submitted"
        )

    async def _ask(
        self, step: StepRequest, request: ResponseRequest, intent: Submit, content: Content
    ) -> Created:
        """POST; once more when the provider refused because it has lost a file we uploaded."""
        address = Address(self.installation, intent.job_id, intent.step_key, intent.number)
        create = partial(
            self.provider.create, request, model=intent.model, address=address, root=step.root
        )
        try:
            return await create(content)
        except (ProviderBadRequest, ProviderNotFound):
            # Refused for certain, so this is the same submit still: no try was used up.
            if not await self.attacher.forget_lost(step.job.tenant, request, content):
                raise
        content = await self._content(step)
        return await create(content)

    async def _content(self, step: StepRequest) -> Content:
        self.attacher.check_all(step.request)
        return [await self._part(step, part) for part in step.request.input]

    async def _part(self, step: StepRequest, part: InputPart) -> ResponseInputContentParam:
        if isinstance(part, FilePart):
            return {"type": "input_file", "file_id": part.file_id}
        if isinstance(part, DocumentPart):
            return await self.attacher.content(step.job.tenant, part)
        if isinstance(part, TextPart):
            return {"type": "input_text", "text": part.text}
        try:
            stored = await self.objects.get(step.job.tenant, part.key)
        except FileNotFoundError as error:
            raise DocumentNotFound("a text of this step is gone with its document") from error
        return {"type": "input_text", "text": stored.decode()}

    async def _post(
        self,
        step: StepRequest,
        earlier: list[Submit],
        content: Content,
        cut: "asyncio.Future[None]",
    ) -> tuple[Submit, Response]:
        """Write the intent, post, store the id; the POST is cut off when `cut` is done."""
        intent = await self._intend(step, number=len(earlier) + 1)
        _count_retry(intent, earlier)
        request = _extended(step.request, earlier)
        call = asyncio.ensure_future(self._ask(step, request, intent, content))
        cut.add_done_callback(lambda _: call.cancel())
        created = await self._created(step, call, intent)
        response_id = created.response.id
        submit, wanted = await self._stored(intent, response_id, created.request_id)
        if not wanted:
            await self.releaser.release(submit)
            raise StepTakenOver(f"response {response_id} was canceled: nobody waits for it")
        return submit, created.response

    async def _created(
        self, step: StepRequest, call: "asyncio.Future[Created]", intent: Submit
    ) -> Created:
        """Return the reply to a POST; write down what else came of it."""
        try:
            return await call
        except asyncio.CancelledError:
            cut = SubmitUncertain(
                "the POST was cut off: its job was canceled or its worker stopped"
            )
            # Another worker submits again; after a cancel nobody does.
            is_again = activity.in_activity() and activity.is_worker_shutdown()
            again = seconds_to_next(step, intent.number, cut) if is_again else None
            await note_lost(self.db, intent, cut.detail, again)
            raise
        except SubmitUncertain as error:
            _set_pause(error, intent.number)
            await self._lost(step, intent, error)
            raise
        except JobError as error:
            _set_pause(error, intent.number)
            rejected = Settlement(
                State.REJECTED,
                error_code=error.code,
                error_message=error.detail,
                retry_after_seconds=seconds_to_next(step, intent.number, error),
            )
            await responses.settle(self.db, intent, rejected)
            raise

    async def _lost(self, step: StepRequest, submit: Submit, error: SubmitUncertain) -> None:
        await note_lost(self.db, submit, error.detail, seconds_to_next(step, submit.number, error))


async def _unbroken(task: "asyncio.Future[T]", cut: "asyncio.Future[None] | None" = None) -> T:
    """Await a task; cancelling the caller cancels `cut` and awaits the task's end all the same."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if cut is not None:
            cut.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.info("a submit ended badly after its step was cut off", exc_info=error)
        raise


def _count_retry(intent: Submit, earlier: list[Submit]) -> None:
    if earlier:
        count_fate(earlier[-1], "resubmitted")
        about = {"model": intent.model, "code": earlier[-1].error_code or "none"}
        instruments.RETRIES.add(1, about)


def _extended(request: ResponseRequest, earlier: list[Submit]) -> ResponseRequest:
    """Double the token limit for every earlier submit that met it."""
    limit = request.options.max_output_tokens
    cuts = sum(each.error_code == ResponseTruncated.code for each in earlier)
    if not cuts or limit is None:
        return request
    wider = {"max_output_tokens": min(limit * 2**cuts, max(limit, LARGEST_OUTPUT_TOKENS))}
    return request.model_copy(update={"options": request.options.model_copy(update=wider)})


def has_ended(response: Response) -> bool:
    """Tell whether a response will not change any more."""
    return response.status in ENDED


def _set_pause(error: JobError, number: int) -> None:
    if error.retry_after_seconds is None:
        error.retry_after_seconds = pause_before_next(number)
