"""Waits for responses, all of a process together.

One heap holds the time of every response's next poll; a bounded number of polls run at once.
Notices of the provider end waits early, and while they come reliably, polls become rare. Thousands
of waits cost thousands of small objects and no tasks.
"""

import asyncio
import heapq
import itertools
import logging
import math
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from opentelemetry.metrics import CallbackOptions, Observation

from activities.lean_client import Glance, LeanClient
from activities.verdicts import ENDED
from jobs.polling import Ceilings, PollSchedule
from telemetry import instruments

logger = logging.getLogger(__name__)

REMEMBERED, TRUSTED = 20, 0.8
"""Notices are trusted while they came first for this share of so many waits."""

RESUMED_WITHIN_SECONDS = 2.0
"""A wait that goes on in a new worker is looked at at once, spread over this long."""

AHEAD, LONGEST_AHEAD_SECONDS = 1 / 40, 0.25
"""How far a poll may be brought forward to fall due with others, as a share of its pause and at the
most. A poll for which a sleeping process has to wake up costs four times one of a hundred."""


class End(Enum):
    """Why a wait is over."""

    ENDED = "the response has ended, or only a full retrieve can tell"
    DRAINING = "the worker was told to stop"
    QUEUED_TOO_LONG = "the provider has not begun to work on it"
    NO_PROGRESS = "the provider works on it and does not come to an end"


@dataclass(eq=False)
class Watch:
    """One response being waited for.

    Attributes:
        over: Done when the wait is over.
        status: The provider's last word.
        polls: Status requests so far.
        planned: The heap entry that counts; an older one of the same watch is void.
        due: When the next poll is planned, on the monotonic clock; never, while one is under way.
        not_before: The earliest moment for it that the provider allows.
    """

    response_id: str
    schedule: PollSchedule
    ceilings: Ceilings
    began: float
    over: "asyncio.Future[End]" = field(default_factory=lambda: asyncio.Future())
    status: str | None = None
    polls: int = 0
    planned: int = -1
    due: float = math.inf
    not_before: float = 0.0

    def end(self, why: End) -> bool:
        """End the wait; False when it was over before."""
        if self.over.done():
            return False
        self.over.set_result(why)
        return True


class Watcher:
    """Polls every watched response until it ends. Use as `async with`."""

    def __init__(self, client: LeanClient, *, concurrent_polls: int) -> None:
        self._client = client
        self._gate = asyncio.Semaphore(concurrent_polls)
        self._heap: list[tuple[float, int, Watch]] = []
        self._ticket = itertools.count()
        self._watches: dict[str, set[Watch]] = defaultdict(set)
        self._new: set[str] = set()
        self._has_new = asyncio.Event()
        self._changed = asyncio.Event()
        self._polling: set[asyncio.Task[None]] = set()
        self._noticed: deque[bool] = deque(maxlen=REMEMBERED)
        self._draining = False
        self._pushed = False
        self._learned: Counter[str] = Counter()
        # Read when somebody looks at the metrics, which is less than once a poll.
        instruments.METER.create_observable_counter(
            "backburner_polls",
            [self._polls],
            description="Status requests, by what was learned",
        )
        instruments.METER.create_observable_gauge(
            "backburner_responses_waiting",
            [lambda _: [Observation(self.waiting)]],
            description="Responses this process waits for",
        )

    async def __aenter__(self) -> "Watcher":
        """Begin to poll."""
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop polling and end every wait."""
        self.drain()
        tasks = [self._runner, *self._polling]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def drain(self) -> None:
        """End every wait, present and future: the worker was told to stop."""
        self._draining = True
        for watch in self._all():
            watch.end(End.DRAINING)

    @property
    def waiting(self) -> int:
        """How many waits there are."""
        # A list first: whoever reads the metrics does so in a thread of its own.
        return sum(map(len, list(self._watches.values())))

    @property
    def pushed(self) -> bool:
        """Whether notices reach this process at the moment; set by whoever hears them."""
        return self._pushed

    @pushed.setter
    def pushed(self, reaches: bool) -> None:
        trusted = self.trusts_notices
        self._pushed = reaches
        self._hurry_if_lost(trusted)

    @property
    def trusts_notices(self) -> bool:
        """Whether notices come, and have come before the polls found out."""
        seen = len(self._noticed)
        return self._pushed and seen > 0 and sum(self._noticed) >= TRUSTED * seen

    @asynccontextmanager
    async def watch(
        self,
        response_id: str,
        schedule: PollSchedule,
        *,
        waited_seconds: float,
        ceilings: Ceilings | None = None,
        is_resumed: bool = False,
    ) -> AsyncIterator[Watch]:
        """Watch a response for as long as the block lasts.

        Args:
            response_id: The provider's id.
            schedule: When to ask.
            waited_seconds: How long the response has existed already.
            ceilings: When to give up on it; None never does.
            is_resumed: Whether it may have ended while nobody watched, so that it is worth a look
                at once.
        """
        began = time.monotonic() - waited_seconds
        watch = Watch(response_id, schedule, ceilings or Ceilings.none(), began)
        self._watches[response_id].add(watch)
        self._new.add(response_id)
        self._has_new.set()
        if self._draining:
            watch.end(End.DRAINING)
        self._plan(watch, at_once=is_resumed)
        try:
            yield watch
        finally:
            self._forget(watch)

    def wake(self, response_id: str, *, is_notice: bool = True) -> bool:
        """End the wait for a response that is said to have ended; False when nobody waits.

        Args:
            response_id: The provider's id.
            is_notice: Whether it is the provider who said so.
        """
        watches = self._watches.get(response_id, set())
        for watch in watches:
            if watch.end(End.ENDED) and is_notice:
                self._learn(noticed=True)
        return bool(watches)

    def resume(self, watch: Watch) -> None:
        """Wait on: what ended the wait was not the end of the response.

        The wait stays registered meanwhile, and is not looked up in the inbox again: the notice
        that was wrong lies there and would wake it for ever.
        """
        watch.over = asyncio.Future()
        if self._draining:
            watch.end(End.DRAINING)
        self._plan(watch)

    async def to_look_up(self) -> list[str]:
        """Return the responses watched since the last call, waiting until there are some."""
        await self._has_new.wait()
        self._has_new.clear()
        new, self._new = self._new, set()
        return [each for each in new if each in self._watches]

    def look_up_all(self) -> None:
        """Have every wait looked up again: notices may have been missed."""
        self._new.update(self._watches)
        self._has_new.set()

    def hurry(self) -> None:
        """Have the next poll of every wait as soon as if no notice came; delay none."""
        now = time.monotonic()
        planned = [watch for watch in self._all() if watch.due < math.inf]
        for watch in planned:
            jitter = random.random()  # noqa: S311 # spreads load
            soon = now + watch.schedule.delay(now - watch.began, jitter)
            watch.due = min(watch.due, max(soon, watch.not_before))
        self._heap = [(watch.due, watch.planned, watch) for watch in planned]
        heapq.heapify(self._heap)
        self._changed.set()

    def _polls(self, _: CallbackOptions) -> Iterable[Observation]:
        # A copy: whoever reads the metrics does so in a thread of its own.
        return [Observation(polls, {"told": told}) for told, polls in self._learned.copy().items()]

    def _all(self) -> list[Watch]:
        return [watch for watches in self._watches.values() for watch in watches]

    def _forget(self, watch: Watch) -> None:
        watches = self._watches[watch.response_id]
        watches.discard(watch)
        if not watches:
            del self._watches[watch.response_id]
        watch.over.cancel()

    def _learn(self, *, noticed: bool) -> None:
        """Remember who found the end first."""
        trusted = self.trusts_notices
        if self._pushed:
            self._noticed.append(noticed)
        self._hurry_if_lost(trusted)

    def _hurry_if_lost(self, trusted: bool) -> None:
        """If notices have lost their trust, poll quickly again."""
        if trusted and not self.trusts_notices:
            self.hurry()

    def _plan(self, watch: Watch, *, at_least: float = 0.0, at_once: bool = False) -> None:
        now = time.monotonic()
        jitter = random.random()  # noqa: S311 # spreads load
        pause = watch.schedule.delay(now - watch.began, jitter, pushed=self.trusts_notices)
        if at_once:
            pause = min(pause, jitter * RESUMED_WITHIN_SECONDS)
        watch.not_before = now + at_least
        watch.due = max(_in_company(now, pause), watch.not_before)
        watch.planned = next(self._ticket)
        heapq.heappush(self._heap, (watch.due, watch.planned, watch))
        if self._heap[0][2] is watch:
            self._changed.set()  # the runner sleeps until what was the next poll before

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = time.monotonic()
            while self._heap and self._heap[0][0] <= now:
                _, ticket, watch = heapq.heappop(self._heap)
                if ticket == watch.planned and not watch.over.done():
                    watch.due = math.inf
                    await self._gate.acquire()
                    task = asyncio.create_task(self._poll(watch))
                    self._polling.add(task)
                    task.add_done_callback(self._polled)
            if not self._heap:
                await self._changed.wait()
                continue
            pause = self._heap[0][0] - time.monotonic()
            timer = asyncio.get_running_loop().call_later(pause, self._changed.set)
            try:
                await self._changed.wait()
            finally:
                timer.cancel()

    def _polled(self, task: "asyncio.Task[None]") -> None:
        self._polling.discard(task)
        self._gate.release()
        if not task.cancelled():
            task.result()

    async def _poll(self, watch: Watch) -> None:
        watch.polls += 1
        try:
            glance = await self._client.look(watch.response_id)
        except Exception:
            # Who waits for the response would wait for ever: the next poll asks again.
            logger.exception("a poll of %s broke", watch.response_id)
            glance = Glance()
        self._learned["final" if glance.final else glance.status or "nothing"] += 1
        watch.status = glance.status or watch.status
        if glance.final or glance.status in ENDED:
            if watch.end(End.ENDED):
                self._learn(noticed=False)
        elif (why := self._given_up(watch)) is not None:
            watch.end(why)
        elif not watch.over.done():
            self._plan(watch, at_least=glance.wait_seconds)

    def _given_up(self, watch: Watch) -> End | None:
        """Tell whether a ceiling is reached; only the provider's own word counts, not silence."""
        waited = time.monotonic() - watch.began
        if watch.status == "queued" and waited > watch.ceilings.queued.total_seconds():
            return End.QUEUED_TOO_LONG
        if watch.status is not None and waited > watch.ceilings.running.total_seconds():
            return End.NO_PROGRESS
        return None


def _in_company(now: float, pause: float) -> float:
    """Return when a poll falls due after a pause, brought forward onto a grid that others share.

    The steps of the grids are powers of two, so that each one is part of every finer one.
    """
    ahead = min(max(pause, 0.001) * AHEAD, LONGEST_AHEAD_SECONDS)
    step = 2.0 ** math.floor(math.log2(ahead))
    return max(now, (now + pause) // step * step)
