"""Submits, lost replies, notices, cancels and ends in any order: the books are right in the end."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from jobs.errors import JobCanceled, JobError, TriesExhausted
from jobs.requests import StepOutcome, StepRequest
from storage import job_moves
from storage.responses import State
from tests.activities.bench import Bench, benched
from tests.activities.lost import Brisk, complete, notify
from tests.installation import TENANT, Installation

MOVES, CREATES = 25, 8
SCRIPTS = [
    {"outcome": "stuck", "fault": "drop_after", "fault_times": 99},
    {"outcome": "stuck", "fault": "server_error_after", "fault_times": 99},
    {"outcome": "stuck", "fault": "slow_reply", "fault_times": 99, "reply_delay_seconds": 0.08},
    {"outcome": "stuck"},
    {"run_seconds": 0.05, "outcome": "failed"},
    {"run_seconds": 0.05, "webhook": "early"},
]


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.responses.PollSchedule", Brisk)
    monkeypatch.setattr("activities.releasing.STOPPING_SECONDS", 0.02)


@pytest.fixture
async def second(bench: Bench) -> AsyncIterator[Bench]:
    async with benched(bench.house, bench.house.environment["OPENAI_BASE_URL"]) as second:
        yield second


@dataclass
class World:
    """One step, two workers, and everything that can happen to them."""

    benches: tuple[Bench, Bench]
    step: StepRequest
    dice: random.Random
    attempts: set["asyncio.Task[StepOutcome]"] = field(default_factory=set)
    outcomes: list[StepOutcome] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    @property
    def house(self) -> Installation:
        return self.benches[0].house

    async def move(self) -> None:
        """Do one thing at random."""
        moves = [self.attempt] * 4 + [self.complete] * 3 + [self.notice] * 3 + [self.adopt] * 2
        move = self.dice.choice(
            [*moves, self.kill, *([self.cancel] if len(self.story) > 15 else [])]
        )
        self.story.append(move.__name__)
        await move()
        await asyncio.sleep(self.dice.choice([0, 0.005, 0.02]))  # how far the others get

    async def attempt(self) -> None:
        if len(self.attempts) < 2:
            bench = self.dice.choice(self.benches)
            self.attempts.add(asyncio.create_task(bench.respond(self.step)))

    async def kill(self) -> None:
        for each in self.attempts:
            each.cancel()
        await self.collect()

    async def collect(self) -> None:
        """Take in what the attempts came to; errors of ours are what Temporal would repeat on."""
        ends = await asyncio.gather(*self.attempts, return_exceptions=True)
        self.attempts.clear()
        self.outcomes += [each for each in ends if isinstance(each, StepOutcome)]
        strange = [
            each
            for each in ends
            if not isinstance(each, StepOutcome | JobError | asyncio.CancelledError)
        ]
        assert strange == []

    async def _any(self) -> str | None:
        made = await self.house.created()
        return str(self.dice.choice(made)["id"]) if made else None

    async def complete(self) -> None:
        if name := await self._any():
            await complete(self.house, name)

    async def notice(self) -> None:
        if name := await self._any():
            await notify(self.house.db, name)

    async def adopt(self) -> None:
        if name := await self._any():
            adopter = self.dice.choice(self.benches).deeds.maintenance.adopter
            await adopter.consider(name)

    async def cancel(self) -> None:
        await job_moves.request_cancel(
            self.house.db, TENANT, self.step.job.job_id, by="t", reason=None
        )

    async def finish(self) -> None:
        """Let everything come to its end, as Temporal, the provider and maintenance would."""
        await self.kill()
        await self.house.emulator.post("/script", json={"default": {}, "rules": []})
        last: StepOutcome | None = None
        while last is None:
            for made in await self.house.created():
                await complete(self.house, made["id"])
            try:
                last = await self.benches[0].respond(self.step)
            except (JobCanceled, TriesExhausted):
                break
            except JobError:
                continue
            self.outcomes.append(last)
        await self.benches[0].end(self.step)
        await self.benches[0].deeds.responses.releaser.release_all(self.step.job)
        for made in await self.house.created():
            await self.benches[1].deeds.maintenance.adopter.consider(made["id"])

    async def check(self) -> None:
        rows = await self.benches[0].submits(self.step)
        effective = [each.response_id for each in rows if each.state is State.EFFECTIVE]
        assert len(effective) <= 1
        assert {each.response_id for each in self.outcomes} <= set(effective)
        assert len({each.text for each in self.outcomes}) <= 1
        assert State.OPEN not in {each.state for each in rows}

        made = {each["id"]: each for each in await self.house.created()}
        assert set(made) == {each.response_id for each in rows if each.response_id}
        assert [each["id"] for each in made.values() if each["terminal_at"] is None] == []

        costs = [each.cost for each in rows if each.cost]
        assert len(costs) == len(made)
        booked = (await self.house.job(self.step.job.job_id)).cost
        assert booked.responses == len(costs)
        assert (booked.usd or 0) == sum(each.usd or 0 for each in costs)


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_order_each_response_is_booked_once_and_one_is_used(
    bench: Bench, second: Bench, seed: int
):
    dice = random.Random(seed)  # noqa: S311 # repeatable, not secret
    scripts = dice.choices(SCRIPTS, k=CREATES)
    rules = [{"script": each, "times": 1} for each in scripts]
    reply = await bench.house.emulator.post("/script", json={"rules": rules})
    assert reply.status_code == 204
    world = World((bench, second), await bench.step(max_tries=10), dice)
    for _ in range(MOVES):
        await world.move()
    await world.finish()
    await world.check()
