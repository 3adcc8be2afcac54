"""Says that this process lives, and frees the long waits of one that does not.

A heartbeat costs the Temporal server about as much as an event of a history, so ten thousand waits
that beat four times a minute would keep it busy with nothing else. Long waits therefore beat once
a minute, and *processes* say every few seconds that they live. When one has been silent
for a while, another tells Temporal that its waits are over, and Temporal gives them to who lives.

A process that was only slow loses nothing: two attempts that wait for one response agree.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client

from activities.freeing import free, long_waits_of
from jobs.errors import ServiceUnavailable
from jobs.values import JobId
from storage import installation, long_waits
from storage.database import Database
from storage.listening import going_on
from storage.long_waits import LongWait

logger = logging.getLogger(__name__)

RENEW_SECONDS = 4.0
"""How often a process says that it lives."""

LOST_AFTER = timedelta(seconds=20)
"""Silence after which a process counts as dead: less than the 30 s after which Temporal notices
that a short wait has stopped to beat, and enough for one that is busy."""

LOOK_SECONDS = 5.0
"""How often one of all processes looks for waits that were never begun."""

STRAYS = "strays"
"""The name of its turn."""

AT_ONCE = 50
"""Waits freed at the same time."""


class Lease:
    """One process among the workers.

    Args:
        db: Where processes say that they live.
        client: Frees the waits of those that do not.
        long_wait_after: Age of a response from which on the wait for it counts as long.
    """

    def __init__(self, db: Database, client: Client, long_wait_after: timedelta) -> None:
        self.worker_id = uuid4()
        self.long_wait_after = long_wait_after
        self._db = db
        self._client = client
        self._steady_turns = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Lease"]:
        """Be known as alive for as long as the block lasts.

        Raises:
            ServiceUnavailable: Postgres does not answer.
        """
        await long_waits.renew(self._db, self.worker_id)
        try:
            async with going_on(self._run, self._look_for_strays):
                yield self
        finally:
            with suppress(ServiceUnavailable):
                await long_waits.leave(self._db, self.worker_id)

    @asynccontextmanager
    async def waiting(self, job_id: JobId) -> AsyncIterator[None]:
        """Have the current activity freed if this process dies within the block.

        Raises:
            ServiceUnavailable: Postgres does not answer.
        """
        info = activity.info()
        wait = LongWait(job_id, info.workflow_run_id or "", info.activity_id)
        await long_waits.begin(self._db, self.worker_id, wait)
        try:
            yield
        finally:
            # A row that stays is freed in vain when this process has ended.
            with suppress(ServiceUnavailable):
                await long_waits.end(self._db, [wait])

    async def turn(self) -> bool:
        """Say that this process lives; free some of what others have lost, if it can tell.

        After an outage of Postgres, or of the whole machine, everybody seems dead: nobody is
        believed to be before this process has itself been heard of steadily for as long.

        Returns:
            Whether there may be more to free.

        Raises:
            ServiceUnavailable: Postgres does not answer.
        """
        steady_turns, self._steady_turns = self._steady_turns, 0
        silence = await long_waits.renew(self._db, self.worker_id)
        if silence is not None and silence < LOST_AFTER / 2:
            self._steady_turns = steady_turns + 1
        return self._is_steady and await self.free_lost()

    @property
    def _is_steady(self) -> bool:
        return self._steady_turns * RENEW_SECONDS > LOST_AFTER.total_seconds()

    async def free_lost(self) -> bool:
        """Have waits of dead processes go on elsewhere, some at a time; tell if there may be more.

        Raises:
            ServiceUnavailable: Postgres does not answer.
        """
        lost = await long_waits.claim_lost(self._db, self.worker_id, LOST_AFTER, limit=AT_ONCE)
        is_freed = await asyncio.gather(*(free(self._client, each) for each in lost))
        freed = [each for each, done in zip(lost, is_freed, strict=True) if done]
        if freed:
            await long_waits.end(self._db, freed)
            logger.warning("%d waits of a worker that is gone go on elsewhere", len(freed))
        return len(freed) == AT_ONCE

    async def free_strays(self) -> None:
        """Have waits go on elsewhere that were given to a process which died before it began them.

        Some at a time, at random: most of those without a process are still in the queue. One that
        lives loses nothing if it is taken for a stray.

        Raises:
            ServiceUnavailable: Postgres does not answer.
        """
        jobs = await long_waits.jobs_without(self._db, self.long_wait_after, limit=AT_ONCE)
        found = await asyncio.gather(
            *(long_waits_of(self._client, each, LOST_AFTER) for each in jobs)
        )
        begun = await long_waits.begun(self._db, jobs)
        strays = [
            wait for each in found for wait in each if (wait.job_id, wait.activity_id) not in begun
        ]
        await asyncio.gather(*(free(self._client, each) for each in strays))
        if strays:
            logger.warning("%d waits that no worker has begun go on elsewhere", len(strays))

    async def _run(self) -> None:
        while True:
            try:
                if await self.turn():
                    continue
            except ServiceUnavailable as error:
                logger.info("nobody was told that this worker lives: %s", error.detail)
            await asyncio.sleep(RENEW_SECONDS)

    async def _look_for_strays(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if self._is_steady and await self._has_turn():
                    await self.free_strays()
            except ServiceUnavailable as error:
                logger.info("nobody looked for waits that were never begun: %s", error.detail)

    async def _has_turn(self) -> bool:
        return await installation.take_turn(self._db, STRAYS, timedelta(seconds=LOOK_SECONDS))
