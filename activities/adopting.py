"""Finding the ids that were lost: a response nobody knows may be the answer to a lost reply.

OpenAI has neither idempotency keys nor a list of responses. But a webhook names a response's id,
and the response's metadata names the submit. When the installation fits, and a submit without an id
does, the response is ours and takes its place in the ledger. The first answer of a step to be
booked wins; any other is canceled, or booked as waste.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from openai.types.responses import Response
from temporalio.client import Client

from activities.provider import Address, Provider
from activities.releasing import READ_AFTER_WRITE_SECONDS, Releaser
from activities.settling import Books
from activities.uncertainty import Fate, count_fate
from jobs.errors import ProviderFailure, ProviderNotFound, StepTakenOver
from jobs.requests import SubmitDecision
from jobs.values import JobId
from storage import executions, inbox, responses
from storage import jobs as job_rows
from storage.database import Database
from storage.responses import State, Submit

logger = logging.getLogger(__name__)

BATCH, AT_ONCE = 100, 8
"""Strangers fetched from the inbox together, and looked at at the same time."""

LAG = timedelta(seconds=READ_AFTER_WRITE_SECONDS)
"""A notice this young may be ahead of the provider's own memory."""


@dataclass(frozen=True)
class Adopter:
    """Gives unknown responses their place in the ledger."""

    db: Database
    client: Client
    provider: Provider
    books: Books
    releaser: Releaser
    installation: UUID

    async def adopt_strangers(self) -> None:
        """Look at every response that notices came for and that the ledger does not know.

        Raises:
            ProviderFailure: One could not be fetched; the others were looked at all the same.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(response_id: str) -> bool:
            async with gate:
                return await self._look_at(response_id)

        while strangers := await inbox.strangers(self.db, limit=BATCH):
            looks = [look(each) for each in strangers]
            ends = await asyncio.gather(*looks, return_exceptions=True)
            for error in ends:
                if isinstance(error, BaseException):
                    raise error
            if len(strangers) < BATCH or not any(ends):
                return

    async def _look_at(self, response_id: str) -> bool:
        """Adopt a stranger or find out that it is none of ours; False when it is too early."""
        older_than = timedelta(0)
        try:
            if await inbox.nameless_submits_exist(self.db):
                await self.consider(response_id)
        except ProviderNotFound:
            older_than = LAG
        except ProviderFailure as error:
            if error.retryable:
                raise
            # It must not keep the others waiting; the inbox forgets it in time.
            logger.warning("response %s may not be looked at: %s", response_id, error.detail)
            return False
        await inbox.mark_matched(self.db, response_id, older_than=older_than)
        return older_than == timedelta(0)

    async def consider(self, response_id: str) -> Submit | None:
        """Adopt a response if it is ours.

        Returns:
            The submit it belongs to; None when it is not ours, or in its place already.

        Raises:
            ProviderNotFound: It is gone, or the provider has not caught up with itself.
            ProviderFailure: It could not be fetched; considering it again is safe.
        """
        response = await self.provider.retrieve(response_id)
        address = Address.of(response.metadata or {})
        if address is None or address.installation != self.installation:
            return None
        submit = await responses.at(
            self.db, JobId(address.job_id), address.step_key, address.submit_number
        )
        if submit is None or submit.response_id is not None:
            return None
        # By the name the notice used: some proxies call a response differently in every reply.
        return await self._adopt(submit, response_id, response)

    async def _adopt(self, submit: Submit, response_id: str, response: Response) -> Submit | None:
        try:
            adopted, newest = await responses.store_response_id(self.db, submit, response_id, None)
        except StepTakenOver:
            return None
        logger.info("adopted response %s for step %s", response_id, submit.step_key)
        fate: Fate = "released"
        if newest:
            fate = "adopted"
            # The step's own deed finds it there and judges it by the step's options.
            if submit.state is State.UNCERTAIN:
                await self._wake_parked(adopted, response_id)
        elif response.status == "completed":
            fate = await self._book(adopted, response_id, response)
        else:
            # A later submit took its place, and one open response per step is enough.
            await self.releaser.release(adopted, as_state=State.WASTED)
        count_fate(submit, fate)
        return adopted

    async def _book(self, adopted: Submit, response_id: str, response: Response) -> Fate:
        job = await job_rows.get(self.db, adopted.tenant, adopted.job_id)
        if not job.wants_answers:
            await self.books.settle(adopted, response, unwanted=State.WASTED)
            return "wasted"
        booked = await self.books.settle(adopted, response)
        if booked is None or booked.submit.state is not State.EFFECTIVE:
            return "wasted"
        for rival in await responses.rivals_of(self.db, adopted):
            try:
                await self.releaser.release(rival, as_state=State.WASTED)
            except ProviderFailure as error:
                # Whoever waits for it books it when it ends, or maintenance after the job.
                logger.warning("response %s stays open: %s", rival.response_id, error.detail)
        await self._wake_parked(adopted, response_id)
        return "adopted"

    async def _wake_parked(self, adopted: Submit, response_id: str) -> None:
        """Tell a step that may be parked that its answer has come by itself."""
        decision = SubmitDecision(step_key=adopted.step_key, response_id=response_id)
        await executions.signal(self.client, adopted.job_id, "adopt", decision)
