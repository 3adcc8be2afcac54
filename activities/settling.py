"""Booking how a response ended: usage, price and answer, exactly once."""

import logging
from dataclasses import dataclass, replace

import asyncpg
from openai.types.responses import Response

from activities.prices import price
from activities.provider import WINDOW_NOTE
from activities.retrying import seconds_to_next
from activities.verdicts import Verdict, judge, usage_of
from jobs.errors import JobError, ServiceUnavailable
from jobs.requests import StepRequest
from storage import responses
from storage.database import Database
from storage.objects import INLINE_BYTES, Objects
from storage.responses import Settlement, State, Submit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Booked:
    """A response that was booked just now: what it means for its step, and its row."""

    verdict: Verdict
    submit: Submit


@dataclass(frozen=True)
class Books:
    """Where responses are booked."""

    db: Database
    objects: Objects

    async def settle(
        self,
        submit: Submit,
        response: Response,
        *,
        unwanted: State | None = None,
        because: JobError | None = None,
        step: StepRequest | None = None,
    ) -> Booked | None:
        """Book a response that ended.

        Args:
            submit: Its row in the ledger.
            response: The response, ended.
            unwanted: The state of a response nobody waits for any more; None judges it on merit.
            because: Why we gave it up, when we did.
            step: What was asked. It says what an answer counts as that the token limit cut off,
                and whether another try follows, which the job's events then tell.

        Returns:
            What was booked; None when it had been booked before, or another answer is used.
        """
        verdict = judge(response, step.on_incomplete if step else "fail")
        if because is not None:
            verdict = Verdict(State.FAILED, verdict.text, because)
        state = unwanted or verdict.state
        settlement = await self._settlement(submit, response, verdict, state)
        if step is not None and state is State.FAILED:
            pause = seconds_to_next(step, submit.number, verdict.error)
            settlement = replace(settlement, retry_after_seconds=pause)
        try:
            settled = await responses.settle(self.db, submit, settlement)
        except asyncpg.UniqueViolationError:
            # Another submit of the step was faster: this answer is not used.
            await responses.settle(self.db, submit, replace(settlement, state=State.WASTED))
            return None
        return Booked(verdict, settled) if settled else None

    async def text_of(self, submit: Submit) -> str:
        """Return the answer of a settled submit."""
        if submit.output_key is None:
            return submit.output or ""
        return (await self.objects.get(submit.tenant, submit.output_key)).decode()

    async def _settlement(
        self, submit: Submit, response: Response, verdict: Verdict, state: State
    ) -> Settlement:
        usage = usage_of(response)
        tier = response.service_tier
        window = (response.metadata or {}).get(WINDOW_NOTE)
        cost = (
            price(usage, model=response.model, service_tier=tier, window=window) if usage else None
        )
        inline, key = await self._stored(submit, verdict.text)
        return Settlement(
            state=state,
            usage=usage,
            usd=cost.usd if cost else None,
            price_source=cost.source if cost else None,
            service_tier=tier,
            output=inline,
            output_key=key,
            error_code=verdict.error.code if verdict.error else None,
            error_message=verdict.error.detail if verdict.error else None,
        )

    async def _stored(self, submit: Submit, text: str) -> tuple[str | None, str | None]:
        content = text.encode()
        if len(content) <= INLINE_BYTES:
            return text, None
        try:
            return None, await self.objects.put(submit.tenant, "outputs", content)
        except ServiceUnavailable as error:
            # It is paid for, and the provider may not keep it: better a large row than none.
            logger.warning(
                "the answer of %s stays in its row: %s", submit.response_id, error.detail
            )
            return text, None
