"""Submitting a response so that every POST is accounted for, whatever dies in between."""

import asyncio
import logging
from dataclasses import dataclass
from uuid import UUID

from openai.types.responses import Response

from activities.provider import Address, Created, Provider
from activities.releasing import Releaser
from activities.verdicts import ENDED
from jobs.errors import (
    JobCanceled,
    JobError,
    ServiceUnavailable,
    StepTakenOver,
    SubmitUncertain,
    TriesExhausted,
)
from jobs.fingerprints import fingerprint
from jobs.requests import ResponseRequest, StepRequest, StoredText, TextPart
from storage import budgets, responses
from storage.database import Database
from storage.objects import Objects
from storage.responses import Settlement, State, Submit

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 60.0
"""Between two submits of a step, when the provider gives no hint: 1, 2, 4 … up to this."""


BUDGET = "openai"
"""Name of the rate budget: one installation submits under one key."""


class IdNotStored(ServiceUnavailable):
    """The provider accepted, and Postgres was away when the id should have been stored."""

    def __init__(self, response_id: str, number: int) -> None:
        super().__init__(f"response {response_id} could not be written down yet")
        self.response_id, self.number = response_id, number


@dataclass(frozen=True)
class Submitter:
    """Writes the intent, posts, stores the id."""

    db: Database
    objects: Objects
    provider: Provider
    releaser: Releaser
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

    async def submit(self, step: StepRequest, earlier: list[Submit]) -> tuple[Submit, Response]:
        """Submit a step once more.

        Cancelling this does not cut off a POST in flight: it is awaited, its id stored, and, when
        the job was canceled, the response canceled, before the cancellation goes on.

        Args:
            step: What to submit.
            earlier: Every submit of the step so far.

        Raises:
            TriesExhausted: It was submitted often enough.
            JobCanceled: Nobody wants the answer any more.
            SubmitUncertain: The reply was lost, and the ledger says so.
            ProviderFailure: The provider refused, and the ledger says so.
            IdNotStored: The provider accepted, but the ledger does not know it yet.
        """
        if len(earlier) >= step.max_tries:
            last = earlier[-1]
            raise TriesExhausted(
                f"{len(earlier)} tries, the last one: {last.error_message} ({last.error_code})"
            )
        # First, so that a text that cannot be fetched leaves no intent that nobody posted.
        texts = await self._texts(step)
        intent = await self._intend(step, number=len(earlier) + 1)
        posting = asyncio.ensure_future(self._post(step, intent, texts))
        try:
            return await asyncio.shield(posting)
        except asyncio.CancelledError:
            await asyncio.wait({posting})
            if not posting.cancelled() and (error := posting.exception()) is not None:
                logger.info("a submit ended badly after its step was cut off", exc_info=error)
            raise

    async def give_up(self, submit: Submit) -> None:
        """Note that the reply to a submit is lost: whoever posted it is gone."""
        await responses.mark_uncertain(
            self.db, submit, SubmitUncertain.code, "the worker stopped before the reply was stored"
        )

    async def adopt(self, submit: Submit, response_id: str) -> Submit | None:
        """Store the id of a submit whose poster could not; None when nobody wants it any more."""
        adopted, wanted = await responses.store_response_id(self.db, submit, response_id, None)
        if wanted:
            return adopted
        await self.releaser.release(adopted)
        return None

    async def _intend(self, step: StepRequest, number: int) -> Submit:
        intent = await responses.open_intent(
            self.db,
            step.job,
            step.step_key,
            number,
            model=step.request.model or self.default_model,
            fingerprint=fingerprint(step.request.model_dump(mode="json")),
        )
        if intent is not None:
            return intent
        submits = await responses.submits_of(self.db, step.job, step.step_key)
        if len(submits) >= number:
            raise StepTakenOver(f"submit {number} was begun by another attempt")
        raise JobCanceled("the job has ended or is being canceled: nothing was submitted")

    async def _texts(self, step: StepRequest) -> list[str]:
        return [await self._text(step, part) for part in step.request.input]

    async def _text(self, step: StepRequest, part: TextPart | StoredText) -> str:
        if isinstance(part, TextPart):
            return part.text
        return (await self.objects.get(step.job.tenant, part.key)).decode()

    async def _post(
        self, step: StepRequest, intent: Submit, texts: list[str]
    ) -> tuple[Submit, Response]:
        created = await self._create(step.request, intent, texts)
        response_id = created.response.id
        try:
            submit, wanted = await responses.store_response_id(
                self.db, intent, response_id, created.request_id
            )
        except ServiceUnavailable as error:
            raise IdNotStored(response_id, intent.number) from error
        if not wanted:
            await self.releaser.release(submit)
            raise JobCanceled(f"response {response_id} was canceled: nobody waits for it")
        return submit, created.response

    async def _create(self, request: ResponseRequest, intent: Submit, texts: list[str]) -> Created:
        address = Address(self.installation, intent.job_id, intent.step_key, intent.number)
        try:
            return await self.provider.create(request, texts, model=intent.model, address=address)
        except SubmitUncertain as error:
            await responses.mark_uncertain(self.db, intent, error.code, error.detail)
            _set_pause(error, intent.number)
            raise
        except JobError as error:
            rejected = Settlement(State.REJECTED, error_code=error.code, error_message=error.detail)
            await responses.settle(self.db, intent, rejected)
            _set_pause(error, intent.number)
            raise


def has_ended(response: Response) -> bool:
    """Tell whether a response will not change any more."""
    return response.status in ENDED


def pause_before_next(number: int) -> float:
    """Return the seconds to wait after submit `number`, when the provider gave no hint."""
    return min(2.0 ** (number - 1), LONGEST_PAUSE_SECONDS)


def _set_pause(error: JobError, number: int) -> None:
    if error.retry_after_seconds is None:
        error.retry_after_seconds = pause_before_next(number)
