"""Finding the ids that were lost: a response nobody knows may be the answer to a lost reply.

OpenAI has neither idempotency keys nor a list of responses. But a webhook names a response's id,
and the response's metadata names the submit. When the installation fits, and a submit without an id
does, the response is ours and takes its place in the ledger. The first answer of a step to be
booked wins; any other is canceled, or booked as waste.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from openai.types.responses import Response
from temporalio.client import Client

from activities.provider import Address, Provider
from activities.releasing import Releaser
from activities.settling import Books
from activities.verdicts import ENDED
from jobs.errors import ProviderNotFound, StepTakenOver
from jobs.requests import SubmitDecision
from jobs.values import JobId
from storage import executions, inbox, responses
from storage import jobs as job_rows
from storage.database import Database
from storage.responses import State, Submit

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Strangers looked at per call; the next call goes on with the rest."""


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
        """Look at responses that notices came for and that the ledger does not know."""
        for response_id in await inbox.strangers(self.db, limit=AT_ONCE):
            if await inbox.nameless_submits_exist(self.db):
                await self.consider(response_id)
            await inbox.mark_matched(self.db, response_id)

    async def consider(self, response_id: str) -> Submit | None:
        """Adopt a response if it is ours.

        Returns:
            The submit it belongs to; None when it is not ours, gone, or in its place already.

        Raises:
            ProviderFailure: It could not be fetched; considering it again is safe.
        """
        try:
            response = await self.provider.retrieve(response_id)
        except ProviderNotFound:
            return None
        address = Address.of(response.metadata or {})
        if address is None or address.installation != self.installation:
            return None
        submit = await responses.at(
            self.db, JobId(address.job_id), address.step_key, address.submit_number
        )
        if submit is None or submit.response_id is not None:
            return None
        return await self._adopt(submit, response)

    async def _adopt(self, submit: Submit, response: Response) -> Submit | None:
        try:
            adopted, newest = await responses.store_response_id(self.db, submit, response.id, None)
        except StepTakenOver:
            return None
        logger.info("adopted response %s for step %s", response.id, submit.step_key)
        if response.status in ENDED:
            await self._book(adopted, response)
        elif not newest:
            # A later submit took its place, and one open response per step is enough.
            await self.releaser.release(adopted, as_state=State.WASTED)
        return adopted

    async def _book(self, adopted: Submit, response: Response) -> None:
        job = await job_rows.get(self.db, adopted.tenant, adopted.job_id)
        if job.status.is_terminal or job.cancel_requested_at is not None:
            await self.books.settle(adopted, response, unwanted=State.WASTED)
            return
        verdict = await self.books.settle(adopted, response)
        if verdict is None or verdict.state is not State.EFFECTIVE:
            return
        rivals = await responses.rivals_of(self.db, adopted)
        for rival in rivals:
            await self.releaser.release(rival, as_state=State.WASTED)
        await inbox.tell(self.db, [rival.response_id for rival in rivals if rival.response_id])
        # If the step is parked, its answer has come by itself; otherwise nobody listens.
        decision = SubmitDecision(step_key=adopted.step_key)
        await executions.signal(self.client, adopted.job_id, "retry", decision)
