"""Follows jobs for everyone who waits for one: a single query, and only while somebody waits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from jobs.errors import ServiceUnavailable
from jobs.values import JobId
from storage import ends
from storage.database import Database
from storage.ends import News
from storage.listening import for_ever, listen

LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""What an event waits at the most until a reader hears of it; one small query for all of them. Of
the end of a job readers are told at once."""

UNTOLD_POLL_SECONDS = 0.025
"""The same while nobody tells the follower of ends."""


class Watch:
    """One reader's view of one job."""

    def __init__(self) -> None:
        self._latest = News(last_seq=0, has_ended=False)
        self._released = False
        self._changed = asyncio.Event()

    def tell(self, news: News) -> None:
        """Wake the reader when there is a new event."""
        if news.last_seq > self._latest.last_seq:
            self._latest = news
            self._changed.set()

    def release(self) -> None:
        """Wake the reader for good: it shall not wait again."""
        self._released = True
        self._changed.set()

    async def beyond(self, seq: int, *, timeout: float) -> bool:
        """Wait for an event after `seq`, or for the end of the gateway; False when time is up."""
        return await self._until(lambda: self._latest.last_seq > seq, timeout)

    async def ended(self, *, timeout: float) -> bool:
        """Wait for the job's end, or for the end of the gateway; False when time is up."""
        return await self._until(lambda: self._latest.has_ended, timeout)

    async def _until(self, is_so: Callable[[], bool], timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                while not (self._released or is_so()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True


class Follower:
    """Polls the number of the last event of all watched jobs at once.

    Attributes:
        closing: Whether the gateway is about to stop: readers should let their clients go.
        is_told: Whether it hears of ends, instead of having to look for them.
    """

    def __init__(self, db: Database) -> None:
        self.closing = False
        self.is_told = False
        self._db = db
        self._watches: dict[JobId, set[Watch]] = {}
        self._somebody = asyncio.Event()
        self._looked = asyncio.Event()

    @contextmanager
    def watching(self, job_id: JobId) -> Iterator[Watch]:
        """Have a job followed for as long as the block lasts."""
        watch = Watch()
        self._watches.setdefault(job_id, set()).add(watch)
        self._somebody.set()
        if self.closing:
            watch.release()
        try:
            yield watch
        finally:
            watches = self._watches[job_id]
            watches.discard(watch)
            if not watches:
                del self._watches[job_id]

    def hear(self, payload: str) -> None:
        """Tell the readers of a job of its end."""
        job_id, news = ends.told(payload)
        for watch in self._watches.get(job_id, ()):
            watch.tell(news)

    async def run(self, url: str | None) -> None:
        """Follow for ever.

        Args:
            url: Postgres past any pooler, to hear of ends; None leaves it at looking.
        """
        loops: list[Callable[[], Awaitable[None]]] = [self.look]
        if url is not None:
            loops.append(partial(listen, url, {ends.CHANNEL: self.hear}, self._hears))
        await asyncio.gather(*map(for_ever, loops))

    def _hears(self, hears: bool) -> None:
        self.is_told = hears

    async def next_look(self) -> None:
        """Wait until Postgres has answered once more; the caller has to be watching something."""
        if self.closing:
            return
        self._looked.clear()
        await self._looked.wait()

    def close(self) -> None:
        """Let everybody go who waits."""
        self.closing = True
        self._looked.set()
        for watches in self._watches.values():
            for watch in watches:
                watch.release()

    async def look(self) -> None:
        """Look for ever; an outage of Postgres only delays the news."""
        answered = True
        while True:
            await self._somebody.wait()
            try:
                await self._look()
                answered = True
            except ServiceUnavailable as error:
                if answered:
                    LOG.warning("cannot follow jobs: %s", error)
                answered = False
            # The poll interval itself: this is how long news may be late.
            await asyncio.sleep(POLL_SECONDS if self.is_told else UNTOLD_POLL_SECONDS)

    async def _look(self) -> None:
        if not self._watches:
            self._somebody.clear()
            return
        for job_id, news in (await ends.look(self._db, list(self._watches))).items():
            for watch in self._watches.get(job_id, ()):
                watch.tell(news)
        self._looked.set()
