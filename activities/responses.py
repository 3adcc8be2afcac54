"""Implements `ResponseDeeds`: one activity that submits, waits and settles; one that cancels."""

import asyncio
import logging
from dataclasses import dataclass

from openai.types.responses import Response
from temporalio import activity

from activities.erasing import erase
from activities.lease import Lease
from activities.pace import Pace
from activities.provider import Address
from activities.pulse import Pulse, beating, last_pulse
from activities.releasing import Releaser, age_seconds, is_fresh
from activities.retrying import pause_before_next
from activities.settling import Books
from activities.submitting import Submitter, has_ended
from activities.watcher import End, Watch, Watcher
from jobs.errors import (
    BY_CODE,
    JobCanceled,
    JobError,
    ProviderFailure,
    ProviderNotFound,
    ResponseExpired,
    ResponseStuck,
    ResponseStuckQueued,
    StepTakenOver,
    WorkerDraining,
)
from jobs.money import total
from jobs.polling import LONGEST_BY_WINDOW, PollSchedule
from jobs.ports import RESPOND, ResponseDeeds
from jobs.requests import AdoptRequest, CancelRequest, StepOutcome, StepRequest, Unanswered
from storage import job_moves, responses
from storage.responses import Settlement, State, Submit

logger = logging.getLogger(__name__)

STUCK: dict[End, type[ProviderFailure]] = {
    End.QUEUED_TOO_LONG: ResponseStuckQueued,
    End.NO_PROGRESS: ResponseStuck,
}


@dataclass(frozen=True)
class Responses(ResponseDeeds):
    """The deeds that talk to the provider."""

    submitter: Submitter
    releaser: Releaser
    books: Books
    watcher: Watcher
    pace: Pace
    lease: Lease

    @activity.defn(name=RESPOND)
    async def respond(self, step: StepRequest) -> StepOutcome | Unanswered | None:
        """Submit a step's response, wait, settle; None when the rate budget has no room."""
        if step.wait != "rest":
            return await self._respond(step)
        async with self.lease.waiting(step.job.job_id):
            return await self._respond(step)

    async def _respond(self, step: StepRequest) -> StepOutcome | Unanswered | None:
        submits = await responses.submits_of(self.books.db, step.job, step.step_key)
        if effective := _effective(submits):
            return await self._outcome(step, effective, submits)
        if error := _lasting_error(submits):
            raise error
        if resumed := await self._resume(step, submits):
            return await self._settle(step, resumed, await self._await(step, resumed, again=True))
        if step.wait == "rest":
            return Unanswered(waits_for=None)
        submits = await self._submits_to_follow(step, submits)
        if not await self.submitter.has_room():
            return None
        submit, made = await self._submit(step, submits)
        response = made if has_ended(made) else await self._await(step, submit)
        return await self._settle(step, submit, response, is_alone=not submits)

    @activity.defn(name="submit_response")
    async def submit_response(self, step: StepRequest) -> None:
        """Submit a step's response and return; `respond` finds it and waits."""
        submits = await responses.submits_of(self.books.db, step.job, step.step_key)
        if _effective(submits) or _lasting_error(submits) or await self._resume(step, submits):
            return
        submits = await self._submits_to_follow(step, submits)
        await self.submitter.charge()
        submit, response = await self._submit(step, submits)
        if has_ended(response):
            # Servers without background mode may keep nothing that could be fetched later.
            await self._settle(step, submit, response)

    @activity.defn(name="adopt_response")
    async def adopt_response(self, request: AdoptRequest) -> None:
        """Give a parked step's uncertain submit the id that an operator found.

        Raises:
            ProviderNotFound: The provider does not know the response, or it is somebody else's.
        """
        step, response_id = request.step, request.response_id
        submits = await responses.submits_of(self.books.db, step.job, step.step_key)
        if any(each.response_id == response_id for each in submits):
            return
        response = await self.releaser.provider.retrieve(response_id)
        address = Address.of(response.metadata or {})
        # Some compatible servers keep no metadata: then the operator's word has to do.
        if address is not None and not self.submitter.is_of(address, step):
            raise ProviderNotFound(f"response {response_id} answers another step")
        if submits and submits[-1].state is State.UNCERTAIN:
            number = address.submit_number if address else submits[-1].number
            try:
                for each in submits:
                    if each.number == number:
                        await self.submitter.adopt(each, response_id)
            except StepTakenOver as error:
                raise ProviderNotFound(error.detail) from error

    @activity.defn(name="cancel_responses")
    async def cancel_responses(self, request: CancelRequest) -> None:
        """Cancel and settle every open response of a job, which may not submit any more."""
        db, job = self.books.db, request.job
        if request.job_too:
            await job_moves.request_cancel(
                db, job.tenant, job.job_id, by="temporal", reason=request.reason
            )
        else:
            await job_moves.end_work(db, job)
        try:
            await beating(self.releaser.release_all(job), Pulse)
        except ProviderFailure as error:
            if error.retryable:
                raise
            # It must not keep the job from ending; maintenance goes on trying.
            logger.warning("job %s leaves responses open: %s", job.job_id, error.detail)

    async def _resume(self, step: StepRequest, submits: list[Submit]) -> Submit | None:
        """Find the submit that an earlier attempt left open; None when a new one is needed."""
        left = next((each for each in reversed(submits) if each.state is State.OPEN), None)
        if left is None or left.response_id is not None:
            return left
        if response_id := self.submitter.keeper.id_of(left) or _last_said(left):
            adopted = await self.submitter.adopt(left, response_id)
            if adopted is None:
                raise JobCanceled("the job was canceled while its worker was away")
            return adopted
        await self.submitter.give_up(step, left)
        return None

    async def _submits_to_follow(self, step: StepRequest, submits: list[Submit]) -> list[Submit]:
        """Return the submits that a new one may follow, with what `_resume` wrote to them."""
        if submits:
            submits = await responses.submits_of(self.books.db, step.job, step.step_key)
        self.submitter.check(step, submits)
        return submits

    async def _submit(self, step: StepRequest, earlier: list[Submit]) -> tuple[Submit, Response]:
        return await beating(self.submitter.submit(step, earlier), Pulse)

    async def _await(
        self, step: StepRequest, submit: Submit, *, again: bool = False
    ) -> Response | Unanswered:
        """Wait until a response has ended and fetch it, or until the wait counts as long.

        Args:
            step: What was asked.
            submit: The open submit.
            again: Whether nobody may have watched it for a while.
        """
        schedule = PollSchedule(self.pace.expected(step), longest=LONGEST_BY_WINDOW[step.window])
        async with self.watcher.watch(
            _id_of(submit),
            schedule,
            waited_seconds=age_seconds(submit),
            ceilings=step.ceilings,
            is_resumed=again,
        ) as watch:
            while True:
                try:
                    async with asyncio.timeout(self._patience(step, submit)):
                        over = asyncio.shield(watch.over)
                        why = await beating(over, lambda: _pulse(submit, watch))
                except TimeoutError:
                    return Unanswered(waits_for=watch.response_id)
                if why is End.DRAINING:
                    raise WorkerDraining("this worker was told to stop", retry_after_seconds=0.1)
                if why is not End.ENDED:
                    return await self._give_up_waiting(step, submit, why)
                # Before the fetch, so that a notice that comes during it is not missed.
                self.watcher.resume(watch)
                response = await self._fetch(submit)
                if response is not None and has_ended(response):
                    self.pace.learn(step, age_seconds(submit))
                    return response

    def _patience(self, step: StepRequest, submit: Submit) -> float | None:
        """Return for how many more seconds the first part of a wait goes on; None without parts."""
        if step.wait != "first":
            return None
        return max(0.0, self.lease.long_wait_after.total_seconds() - age_seconds(submit))

    async def _give_up_waiting(self, step: StepRequest, submit: Submit, why: End) -> Response:
        """Cancel a response that takes too long; return it if it came to an end after all."""
        try:
            response = await self.releaser.stop(submit, _id_of(submit))
        except ProviderNotFound as error:
            raise await self._booked_as_gone(submit, error) from error
        if response.status != "cancelled":
            return response
        stuck = STUCK[why](f"response {response.id}: {why.value}")
        await self.books.settle(submit, response, because=stuck, step=step)
        raise _again_later(stuck, submit)

    async def _fetch(self, submit: Submit) -> Response | None:
        """Retrieve a response; None when the provider cannot find it yet."""
        try:
            return await self.releaser.provider.retrieve(_id_of(submit))
        except ProviderNotFound as error:
            if is_fresh(submit):
                return None
            raise await self._booked_as_gone(submit, error) from error

    async def _booked_as_gone(self, submit: Submit, error: ProviderNotFound) -> ResponseExpired:
        gone = ResponseExpired(error.detail)
        end = Settlement(State.FAILED, error_code=gone.code, error_message=gone.detail)
        await responses.settle(self.books.db, submit, end)
        return gone

    async def _settle(
        self,
        step: StepRequest,
        submit: Submit,
        response: Response | Unanswered,
        *,
        is_alone: bool = False,
    ) -> StepOutcome | Unanswered:
        """Book a response that ended, and return the answer of its step or raise its error.

        Args:
            step: What was asked.
            submit: The submit.
            response: Its response, ended; one that is still waited for is passed on.
            is_alone: Whether it was the step's first, and the next one cannot have been opened
                since its id was stored.
        """
        if isinstance(response, Unanswered):
            return response
        booked = await self.books.settle(submit, response, step=step)
        if is_alone and booked and booked.submit.state is State.EFFECTIVE:
            return await self._outcome(step, booked.submit, [booked.submit])
        submits = await responses.submits_of(self.books.db, step.job, step.step_key)
        # First of all: another submit of the step may have been adopted and be the answer.
        if effective := _effective(submits):
            return await self._outcome(step, effective, submits)
        if booked and booked.verdict.error is not None:
            raise _again_later(booked.verdict.error, submit)
        stood = next(each for each in submits if each.number == submit.number)
        if stood.state is State.FAILED and (error := _booked_error(stood)):
            raise _again_later(error, stood)
        raise JobCanceled("the response was canceled together with its job")

    async def _outcome(
        self, step: StepRequest, effective: Submit, submits: list[Submit]
    ) -> StepOutcome:
        if await self._release_rivals(submits):
            submits = await responses.submits_of(self.books.db, step.job, step.step_key)
        await erase(self.books.db, self.releaser.provider, submits)
        return StepOutcome(
            response_id=_id_of(effective),
            text=await self.books.text_of(effective),
            cost=total(each.cost for each in submits if each.cost),
        )

    async def _release_rivals(self, submits: list[Submit]) -> list[Submit]:
        """Cancel what an adoption left open beside the effective submit."""
        rivals = [each for each in submits if each.state is State.OPEN and each.response_id]
        for each in rivals:
            try:
                await self.releaser.release(each, as_state=State.WASTED)
            except ProviderFailure as error:
                # The answer is there; maintenance releases the rest when the job has ended.
                logger.warning("response %s stays open: %s", each.response_id, error.detail)
        return rivals


def _effective(submits: list[Submit]) -> Submit | None:
    return next((each for each in submits if each.state is State.EFFECTIVE), None)


def _id_of(submit: Submit) -> str:
    if submit.response_id is None:
        raise ValueError(f"submit {submit.number} of {submit.step_key!r} has no response id")
    return submit.response_id


def _last_said(submit: Submit) -> str | None:
    """Return the id that the attempt before had for a submit and could not store."""
    pulse = last_pulse()
    return pulse.response_id if pulse and pulse.submit_number == submit.number else None


def _booked_error(submit: Submit) -> JobError | None:
    """Return the error that a submit, once settled, means for its step."""
    kind = BY_CODE.get(submit.error_code or "")
    return kind(submit.error_message or "") if kind else None


def _lasting_error(submits: list[Submit]) -> JobError | None:
    """Return the error that ended the step for good: whoever booked it died before telling."""
    error = _booked_error(submits[-1]) if submits else None
    return None if error is None or error.retryable else error


def _pulse(submit: Submit, watch: Watch) -> Pulse:
    return Pulse(submit_number=submit.number, response_id=watch.response_id, polls=watch.polls)


def _again_later(error: Exception, submit: Submit) -> Exception:
    if isinstance(error, ProviderFailure) and error.retryable:
        error.retry_after_seconds = pause_before_next(submit.number)
    return error
