"""Submit, adopt, cancel, complete, lose replies, kill workers: in any order the books are right."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage.database import Database
from tests.activities.bench import Bench, benched
from tests.activities.lost import Never
from tests.activities.world import Gate, Worker, World, watched_beating

R = TypeVar("R")
Run = Callable[[Coroutine[Any, Any, R]], R]

EVENTS, LONGEST_EVENT_SECONDS = 14, 20
SHORT = settings(
    max_examples=40,
    stateful_step_count=EVENTS,
    derandomize=True,  # the same stories in every run; the proof below tells new ones
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
LONG = settings(SHORT, max_examples=600, derandomize=False)

workers = st.sampled_from([0, 1])
endings = st.sampled_from(["completed", "completed", "failed", "incomplete"])
replies = st.sampled_from(["come", "hold", "lose reply", "fail", "refuse"])


class AnyOrder(RuleBasedStateMachine):
    """Events around one step; each rule is one of them."""

    def __init__(self, benches: tuple[Bench, Bench], gates: tuple[Gate, Gate], run: Run[Any]):
        super().__init__()
        self.benches, self.gates, self.run = benches, gates, run
        self.world: World | None = None

    @initialize(policy=st.sampled_from(["resubmit", "resubmit", "park"]))
    def begin(self, policy: str) -> None:
        bench = self.benches[0]
        bench.house.ids.clear()
        step = self.run(bench.step(max_tries=8, on_uncertain=policy))
        one, other = (
            Worker(bench, gate) for bench, gate in zip(self.benches, self.gates, strict=True)
        )
        self.world = World((one, other), step)

    @property
    def here(self) -> World:
        assert self.world is not None
        return self.world

    @precondition(lambda self: any(not each.is_busy for each in self.here.workers))
    @rule(ending=endings, reply=replies)
    def attempt(self, ending: str, reply: str) -> None:
        number = next(n for n in (0, 1) if not self.here.workers[n].is_busy)
        self.run(self.here.attempt(number, ending, reply))

    @precondition(lambda self: any(each.gate.held for each in self.here.workers))
    @rule()
    def reply_arrives(self) -> None:
        number = next(n for n in (0, 1) if self.here.workers[n].gate.held)
        self.run(self.here.release(number))

    @precondition(lambda self: any(each.is_busy for each in self.here.workers))
    @rule(number=workers)
    def kill(self, number: int) -> None:
        self.run(self.here.kill(number))

    @rule(which=st.integers(0, 9))
    def provider_ends(self, which: int) -> None:
        if name := self._response(which):
            self.run(self.here.complete(name))

    @rule(which=st.integers(0, 9), number=workers)
    def notice(self, which: int, number: int) -> None:
        if name := self._response(which):
            self.run(self.here.notice(number, name))

    @rule(which=st.integers(0, 9), number=workers)
    def operator_adopts(self, which: int, number: int) -> None:
        if name := self._response(which):
            self.run(self.here.adopt(number, name))

    @precondition(lambda self: self.here.step.on_uncertain == "park")
    @rule()
    def operator_retries(self) -> None:
        if self.run(self.here.bench.submits(self.here.step)):
            self.run(self.here.retry())

    @precondition(lambda self: self.here.canceling is None)
    @rule(really=st.integers(0, 3))
    def cancel(self, really: int) -> None:
        if really == 0:  # seldom: not much happens after it
            self.run(self.here.cancel())

    @invariant()
    def the_books_are_right(self) -> None:
        if self.world is not None:
            self.run(self.here.check(is_over=False))

    def teardown(self) -> None:
        if self.world is not None:
            self.run(self.here.finish())
            self.run(self.here.check(is_over=True))

    def _response(self, which: int) -> str | None:
        made = self.run(self.here.made())
        return str(made[which % len(made)]["id"]) if made else None


@pytest.fixture
async def benches(bench: Bench) -> AsyncIterator[tuple[Bench, Bench]]:
    async with benched(bench.house, bench.house.environment["OPENAI_BASE_URL"]) as second:
        yield bench, second


@pytest.fixture
def gates(benches: tuple[Bench, Bench], monkeypatch: pytest.MonkeyPatch) -> tuple[Gate, Gate]:
    """Put a gate before each worker's replies, and let nothing happen by the clock."""
    monkeypatch.setattr("activities.responses.PollSchedule", Never)
    monkeypatch.setattr("activities.responses.beating", watched_beating)
    monkeypatch.setattr("activities.watcher.RESUMED_WITHIN_SECONDS", 3600)
    monkeypatch.setattr("activities.releasing.STOPPING_SECONDS", 0.01)
    monkeypatch.setattr("activities.releasing.GLANCE_SECONDS", 0.01)

    async def tell(db: Database, response_ids: list[str], *, channel: str = "") -> None:
        del db, channel
        for bench, each in itertools.product(benches, response_ids):
            bench.deeds.watcher.wake(each)

    monkeypatch.setattr("storage.inbox.tell", tell)  # at once, not some time later
    found = []
    for bench in benches:
        provider = bench.deeds.responses.submitter.provider
        found.append(Gate(provider.create))
        monkeypatch.setattr(provider, "create", found[-1])
    return found[0], found[1]


async def told(benches: tuple[Bench, Bench], gates: tuple[Gate, Gate], how: settings) -> None:
    """Tell stories in a thread of their own; their events happen in this loop."""
    loop = asyncio.get_running_loop()

    def run(event: Coroutine[Any, Any, R]) -> R:
        happening = asyncio.run_coroutine_threadsafe(event, loop)
        return happening.result(LONGEST_EVENT_SECONDS)

    machine = partial(AnyOrder, benches, gates, run)
    await asyncio.to_thread(cast("Any", run_state_machine_as_test), machine, settings=how)


@pytest.mark.timeout(180)
async def test_in_any_order_each_response_is_booked_once_and_at_most_one_is_used(
    benches: tuple[Bench, Bench], gates: tuple[Gate, Gate]
):
    await told(benches, gates, SHORT)


@pytest.mark.prove
@pytest.mark.timeout(1500)
async def test_in_hundreds_of_new_orders_too(
    benches: tuple[Bench, Bench], gates: tuple[Gate, Gate]
):
    await told(benches, gates, LONG)
