"""Ids of responses that Postgres would not take, kept until it does.

The reply to a POST names a response that is paid for. When Postgres is away in that moment, the
next attempt of the deed finds the id in a heartbeat. But a cancel, or a deadline, leaves no next
attempt, and an id that nobody knows cannot be canceled. So the process that has the id goes on
storing it, whatever becomes of the deed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from temporalio.client import Client
from temporalio.service import RPCError

from activities.releasing import Releaser
from activities.uncertainty import count_fate
from jobs.errors import JobError, StepTakenOver
from jobs.requests import SubmitDecision
from storage import executions, responses
from storage.database import Database
from storage.responses import State, Submit

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
"""Between two tries; each one is twice as long as the one before."""

LAST_SECONDS = 10.0
"""What tries get when the process stops: with the time of its deeds, less than the 90 seconds
after which supervisors kill."""


@dataclass
class Kept:
    """An id, and how far it is on its way into the ledger.

    Attributes:
        submit: What it is the id of.
        response_id: The id.
        request_id: The provider's name for the POST, if it is known.
        is_stored: Whether the ledger knows it.
        was_lost: Whether the submit counted as uncertain before.
    """

    submit: Submit
    response_id: str
    request_id: str | None
    is_stored: bool = False
    was_lost: bool = False

    def __str__(self) -> str:
        place = f"submit {self.submit.number} of step {self.submit.step_key}"
        return f"response {self.response_id}, {place} of job {self.submit.job_id}"


class Keeper:
    """Stores ids that could not be stored, and releases responses that nobody wants by then.

    Args:
        db: Where the ledger is.
        client: Tells steps that are parked for want of an id.
        releaser: Cancels what nobody wants.
    """

    def __init__(self, db: Database, client: Client, releaser: Releaser) -> None:
        self._db = db
        self._client = client
        self._releaser = releaser
        self._under_way: dict[str, tuple[Kept, asyncio.Task[None]]] = {}
        self._is_closed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Keeper"]:
        """Keep ids for as long as the block lasts, and a little longer while there are any."""
        try:
            yield self
        finally:
            self._is_closed = True
            tasks = [task for _, task in self._under_way.values()]
            try:
                if tasks:
                    await asyncio.wait(tasks, timeout=LAST_SECONDS)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def keep(self, submit: Submit, response_id: str, request_id: str | None) -> None:
        """Store an id as soon as that is possible. An id that is kept already is left alone."""
        kept = Kept(submit, response_id, request_id)
        if self._is_closed:
            logger.error("not written down, the worker has stopped: %s", kept)
        elif response_id not in self._under_way:
            logger.warning("written down when Postgres is back: %s", kept)
            self._under_way[response_id] = kept, asyncio.create_task(self._stored(kept))

    def id_of(self, submit: Submit) -> str | None:
        """Return the id that is kept for a submit."""
        place = (submit.job_id, submit.step_key, submit.number)
        for kept, _ in self._under_way.values():
            if (kept.submit.job_id, kept.submit.step_key, kept.submit.number) == place:
                return kept.response_id
        return None

    async def _stored(self, kept: Kept) -> None:
        pause = FIRST_PAUSE_SECONDS
        try:
            while await self._is_worth_another_try(kept):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except asyncio.CancelledError:
            if not kept.is_stored:
                logger.error("not written down, the worker stops: %s", kept)
            raise
        finally:
            del self._under_way[kept.response_id]

    async def _is_worth_another_try(self, kept: Kept) -> bool:
        try:
            await self._store(kept)
        except StepTakenOver as error:
            logger.info("%s: %s", kept, error.detail)  # booked, or gone with its job
        except JobError as error:
            # Refused for good, it is maintenance that goes on trying to cancel it.
            logger.info("%s: %s", kept, error.detail)
            return error.retryable
        except (asyncpg.PostgresError, RPCError) as error:
            # A server on its way back may refuse for a while what it will take again.
            logger.warning("%s: %r", kept, error)
            return True
        return False

    async def _store(self, kept: Kept) -> None:
        """Store an id and do what follows from that; doing it again changes nothing."""
        submit = kept.submit
        there = await responses.at(self._db, submit.job_id, submit.step_key, submit.number)
        if there is None:
            raise StepTakenOver("the job was erased")
        stored, wanted = await responses.store_response_id(
            self._db, there, kept.response_id, kept.request_id
        )
        kept.was_lost = kept.was_lost or there.state is State.UNCERTAIN
        if not kept.is_stored:
            kept.is_stored = True
            count_fate(there, "adopted" if wanted else "released")
        if not wanted:
            await self._releaser.release(stored)
        elif kept.was_lost:
            # It may be parked; whoever else waits for the response finds it in the ledger.
            decision = SubmitDecision(step_key=submit.step_key, response_id=kept.response_id)
            await executions.signal(self._client, submit.job_id, "adopt", decision)
