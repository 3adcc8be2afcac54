"""Letting go of responses nobody waits for: canceled at the provider, then booked."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from openai.types.responses import Response

from activities.provider import Provider
from activities.settling import Books
from activities.uncertainty import note_lost
from activities.verdicts import ENDED
from jobs.errors import (
    JobError,
    ProviderFailure,
    ProviderNotFound,
    ResponseExpired,
    ServiceUnavailable,
)
from jobs.model import JobRef
from storage import inbox, responses
from storage.responses import Settlement, State, Submit

AT_ONCE = 16
"""Cancels in flight; a job may have dozens of open responses."""

GLANCE_SECONDS = 0.1
"""Pause between two looks at a submit in flight, whose id is about to become known."""

STOPPING_SECONDS = 0.5
"""Pause between two looks at a canceled response that has not stopped yet."""

PATIENCE_SECONDS = 30.0
"""How long a canceled response may take to stop before the release counts as failed."""

READ_AFTER_WRITE_SECONDS = 15.0
"""For this long after its submit a 404 may mean that the provider has not caught up with itself."""

MARGIN = timedelta(seconds=15)
"""A POST older than its timeout and this has nobody left who could store its id."""

CUT_WITHIN_SECONDS = 45.0
"""A synchronous POST nobody wants is cut off with a heartbeat of its deed, if that is alive."""


@dataclass(frozen=True)
class Releaser:
    """Cancels responses and books what they used."""

    provider: Provider
    books: Books

    async def release_all(self, job: JobRef) -> None:
        """Release every open submit of a job, waiting for the ids of those in flight.

        The caller has made sure that no new submit can begin: the record says that the job's cancel
        is requested, or that its work has ended.

        Raises:
            JobError: A submit could not be released, though all others with an id were tried; one
                that is worth another try, if there is any.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(submit: Submit) -> None:
            async with gate:
                await self.release(submit)

        began = time.monotonic()
        while submits := await responses.open_of(self.books.db, job):
            known = [submit for submit in submits if submit.response_id]
            ends = await asyncio.gather(*(one(submit) for submit in known), return_exceptions=True)
            if errors := [each for each in ends if each is not None]:
                # Repeating this is worth while if that may help a single one of them.
                raise next(filter(_may_pass, errors), errors[0])
            for submit in submits:
                if submit.response_id is None and self._is_orphaned(submit, began):
                    await note_lost(self.books.db, submit, "its worker is gone")
            if len(known) < len(submits):
                await asyncio.sleep(GLANCE_SECONDS)

    async def release(self, submit: Submit, *, as_state: State = State.CANCELED) -> None:
        """Cancel one response at the provider and book it, whatever it came to.

        Args:
            submit: Its row in the ledger, with an id.
            as_state: Why nobody waits for it.

        Raises:
            ProviderFailure: The provider could not be told; releasing again is safe.
        """
        if submit.response_id is None:
            raise ValueError("only a submit whose id is known can be released")
        try:
            response = await self.stop(submit, submit.response_id)
        except ProviderNotFound as error:
            gone = Settlement(as_state, error_code=ResponseExpired.code, error_message=error.detail)
            await responses.settle(self.books.db, submit, gone)
        else:
            await self.books.settle(submit, response, unwanted=as_state)
        # Whoever still waits for it would hear of that with a heartbeat, which may be minutes away.
        with suppress(ServiceUnavailable):
            await inbox.tell(self.books.db, [submit.response_id], channel=inbox.LET_GO)

    async def stop(self, submit: Submit, response_id: str) -> Response:
        """Cancel a response and return it once it has ended; the cancel may have come too late.

        Raises:
            ProviderNotFound: It is gone.
            ProviderFailure: It could not be told, or does not stop.
        """
        response = await self._canceled(submit, response_id)
        patience = PATIENCE_SECONDS
        while response.status not in ENDED:
            if patience <= 0:
                raise ProviderFailure(f"response {response_id} was canceled and does not stop")
            await asyncio.sleep(STOPPING_SECONDS)
            patience -= STOPPING_SECONDS
            response = await self.provider.retrieve(response_id)
        return response

    async def _canceled(self, submit: Submit, response_id: str) -> Response:
        while True:
            try:
                return await self.provider.cancel(response_id)
            except ProviderNotFound:
                if not is_fresh(submit):
                    raise
            await asyncio.sleep(STOPPING_SECONDS)

    def _is_orphaned(self, submit: Submit, began: float) -> bool:
        if self.provider.is_synchronous and time.monotonic() - began > CUT_WITHIN_SECONDS:
            return True
        patience = timedelta(seconds=self.provider.submit_timeout_seconds) + MARGIN
        return datetime.now(UTC) - submit.intent_at > patience


def _may_pass(error: BaseException) -> bool:
    return not isinstance(error, JobError) or error.retryable


def is_fresh(submit: Submit) -> bool:
    """Tell whether a 404 may still mean that the provider has not caught up with itself."""
    return age_seconds(submit) < READ_AFTER_WRITE_SECONDS


def age_seconds(submit: Submit) -> float:
    """Return how long ago the provider accepted a submit, as far as we know."""
    return (datetime.now(UTC) - (submit.submitted_at or submit.intent_at)).total_seconds()
