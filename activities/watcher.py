"""Waits for responses, all of a process together.

One heap holds the time of every response's next poll; a bounded number of polls run at once,
through a lean HTTP client that looks at nothing but the status. Thousands of waits cost thousands
of small objects and no tasks.
"""

import asyncio
import heapq
import itertools
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from activities.verdicts import ENDED
from jobs.polling import PollSchedule

TELLING = frozenset({200, 400, 401, 403, 404, 409, 410})
"""HTTP statuses that say something about this response; any other says: ask again later."""

LARGEST_HINT_SECONDS = 120.0
"""Cap on a poll's Retry-After: polls must go on even if the hint is nonsense."""


@dataclass(eq=False)
class Watch:
    """One response being waited for.

    Attributes:
        ended: True when the response has ended, or when only a full retrieve can tell; False when
            the worker was told to stop first.
        polls: Status requests so far.
    """

    response_id: str
    schedule: PollSchedule
    began: float
    ended: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.Future())
    polls: int = 0

    def resolve(self, ended: bool) -> None:
        """End the wait; ending it twice is harmless."""
        if not self.ended.done():
            self.ended.set_result(ended)


class Watcher:
    """Polls every watched response until it ends. Use as `async with`."""

    def __init__(self, *, base_url: str, api_key: str, concurrent_polls: int) -> None:
        self._url = base_url.rstrip("/") + "/responses/"
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._gate = asyncio.Semaphore(concurrent_polls)
        self._heap: list[tuple[float, int, Watch]] = []
        self._ticket = itertools.count()
        self._watches: set[Watch] = set()
        self._changed = asyncio.Event()
        self._polling: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._draining = False

    async def __aenter__(self) -> "Watcher":
        """Open the HTTP session and begin to poll."""
        timeout = aiohttp.ClientTimeout(total=30, connect=5)
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=timeout, trust_env=True
        )
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop polling and end every wait."""
        self.drain()
        for task in [self._runner, *self._polling]:
            task.cancel()
        await asyncio.gather(self._runner, *self._polling, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def drain(self) -> None:
        """End every wait, present and future: the worker was told to stop."""
        self._draining = True
        for watch in self._watches:
            watch.resolve(ended=False)

    @property
    def waiting(self) -> int:
        """How many responses are being waited for."""
        return len(self._watches)

    @asynccontextmanager
    async def watch(
        self, response_id: str, schedule: PollSchedule, *, waited_seconds: float
    ) -> AsyncIterator[Watch]:
        """Watch a response for as long as the block lasts.

        Args:
            response_id: The provider's id.
            schedule: When to ask.
            waited_seconds: How long the response has existed already.
        """
        watch = Watch(response_id, schedule, time.monotonic() - waited_seconds)
        self._watches.add(watch)
        if self._draining:
            watch.resolve(ended=False)
        self._plan(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            watch.ended.cancel()

    def _plan(self, watch: Watch, at_least: float = 0.0) -> None:
        now = time.monotonic()
        jitter = random.random()  # noqa: S311 # spreads load
        due = now + max(watch.schedule.delay(now - watch.began, jitter), at_least)
        heapq.heappush(self._heap, (due, next(self._ticket), watch))
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = time.monotonic()
            while self._heap and self._heap[0][0] <= now:
                watch = heapq.heappop(self._heap)[2]
                if not watch.ended.done():
                    await self._gate.acquire()
                    task = asyncio.create_task(self._poll(watch))
                    self._polling.add(task)
                    task.add_done_callback(self._polled)
            pause = self._heap[0][0] - time.monotonic() if self._heap else None
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    def _polled(self, task: "asyncio.Task[None]") -> None:
        self._polling.discard(task)
        self._gate.release()
        if not task.cancelled():
            task.result()

    async def _poll(self, watch: Watch) -> None:
        watch.polls += 1
        status, hint = await self._ask(watch.response_id)
        if status is None or status in ENDED:
            watch.resolve(ended=True)
        elif not watch.ended.done():
            self._plan(watch, at_least=hint)

    async def _ask(self, response_id: str) -> tuple[str | None, float]:
        """Return the status and a wait hint; status None means that a full retrieve must tell."""
        if self._session is None:
            raise RuntimeError("the watcher is not running")
        try:
            async with self._session.get(self._url + response_id) as reply:
                if reply.status not in TELLING:
                    return "unknown", _hint(reply.headers.get("Retry-After"))
                if reply.status != 200:
                    return None, 0.0
                status = json.loads(await reply.read()).get("status")
                return status if isinstance(status, str) else "unknown", 0.0
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            # No answer, or not an answer: the next poll asks again.
            return "unknown", 0.0


def _hint(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or 0), 0.0), LARGEST_HINT_SECONDS)
    except ValueError:
        return 0.0
