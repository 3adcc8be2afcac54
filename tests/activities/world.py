"""One step, two workers and a provider, moved one event at a time.

Nothing here depends on time: an attempt runs on until it is done, its reply is held back, or it
waits for its response, and only then comes the next event. So a story can be told again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from activities.provider import Created
from activities.pulse import beating
from jobs.errors import JobError, ProviderNotFound
from jobs.money import Usage
from jobs.requests import AdoptRequest, CancelRequest, StepOutcome, StepRequest
from storage import job_moves
from storage.responses import State, Submit
from tests.activities.bench import Bench
from tests.activities.lost import complete
from tests.installation import TENANT

T = TypeVar("T")
GLANCE = 0.001
REFUSALS = {"lose reply": "drop_after", "fail": "server_error_after", "refuse": "rate_limited"}


class WorkerKilledError(Exception):
    """What a killed worker's deeds end with: it is none of ours, so nothing is written down."""


@dataclass
class Gate:
    """Stands between the provider's reply to a create and whoever waits for it."""

    create: Callable[..., Awaitable[Created]]
    holds_next: bool = False
    held: "asyncio.Future[None] | None" = None

    async def __call__(self, *args: Any, **named: Any) -> Created:
        holds, self.holds_next = self.holds_next, False
        created = await self.create(*args, **named)
        if holds:
            self.held = asyncio.Future()
            await self.held
        return created


@dataclass
class Worker:
    """One worker, with at most one attempt at the step under way."""

    bench: Bench
    gate: Gate
    attempt: "asyncio.Task[StepOutcome] | None" = None
    is_in_wait: bool = False

    @property
    def is_busy(self) -> bool:
        return self.attempt is not None and not self.attempt.done()

    @property
    def is_still(self) -> bool:
        """Whether nothing happens in here until somebody outside does something."""
        if not self.is_busy or self.gate.held is not None:
            return True
        waits = self.bench.deeds.watcher._all()
        return self.is_in_wait and any(not watch.over.done() for watch in waits)

    def begin(self, step: StepRequest) -> None:
        token = _at_work.set(self)
        self.attempt = asyncio.create_task(self.bench.respond(step))
        _at_work.reset(token)

    async def quiet(self) -> None:
        while not self.is_still:
            await asyncio.sleep(GLANCE)

    async def end(self) -> StepOutcome | None:
        """Take in what the attempt came to; errors of ours are what Temporal repeats on."""
        attempt, self.attempt = self.attempt, None
        if attempt is None:
            return None
        try:
            return await attempt
        except (JobError, WorkerKilledError, asyncio.CancelledError):
            return None


_at_work: ContextVar[Worker | None] = ContextVar("_at_work", default=None)


async def watched_beating(work: Awaitable[T], say: Callable[[], Any]) -> T:
    """Stand in for `beating` and note that a worker's attempt waits for something."""
    worker = _at_work.get()
    if worker is None:
        return await beating(work, say)
    worker.is_in_wait = True
    try:
        return await beating(work, say)
    finally:
        worker.is_in_wait = False


@dataclass
class World:
    """Everything that can happen to one step, and what must hold whatever does."""

    workers: tuple[Worker, Worker]
    step: StepRequest
    outcomes: list[StepOutcome] = field(default_factory=list)
    canceling: "asyncio.Task[None] | None" = None

    @property
    def bench(self) -> Bench:
        return self.workers[0].bench

    async def made(self) -> list[dict[str, Any]]:
        return await self.bench.house.created()

    async def script(self, outcome: str, reply: str) -> None:
        """Say what becomes of the next create."""
        script = {"queued_seconds": 0, "run_seconds": 9999, "outcome": outcome}
        if reply in REFUSALS:
            script |= {"fault": REFUSALS[reply], "fault_times": 99}
        rules = [{"script": script, "times": 1}]
        sent = await self.bench.house.emulator.post("/script", json={"rules": rules})
        assert sent.status_code == 204

    async def attempt(self, number: int, outcome: str, reply: str) -> None:
        """Have a worker begin an attempt at the step."""
        worker = self.workers[number]
        await self.script(outcome, reply)
        worker.gate.holds_next = reply == "hold"
        worker.begin(self.step)
        await self.quiet()

    async def release(self, number: int) -> None:
        """Let a reply that was held back arrive."""
        gate = self.workers[number].gate
        assert gate.held is not None
        gate.held.set_result(None)
        gate.held = None
        await self.quiet()

    async def kill(self, number: int) -> None:
        """Kill a worker, which writes nothing any more, and start it again."""
        worker = self.workers[number]
        if worker.gate.held is not None:
            worker.gate.held.set_exception(WorkerKilledError())
            worker.gate.held = None
        elif worker.attempt is not None:
            worker.attempt.cancel()
        await worker.end()
        worker.gate.holds_next = False

    async def complete(self, response_id: str) -> None:
        """Have the provider come to an end with a response; nobody is told."""
        await complete(self.bench.house, response_id)

    async def notice(self, number: int, response_id: str) -> None:
        """Have a worker hear of a response; it wakes the wait for it, or looks at a stranger."""
        deeds = self.workers[number].bench.deeds
        if not deeds.watcher.wake(response_id):
            await deeds.maintenance.adopter.consider(response_id)
        await self.quiet()

    async def adopt(self, number: int, response_id: str) -> None:
        """Have an operator name a response, right or wrong."""
        bench = self.workers[number].bench
        try:
            request = AdoptRequest(step=self.step, response_id=response_id)
            await bench.run(bench.deeds.responses.adopt_response, request)
        except ProviderNotFound:
            return

    async def retry(self) -> None:
        """Have an operator decide that the last uncertain submit is submitted again."""
        last = (await self.bench.submits(self.step))[-1]
        if last.state is State.UNCERTAIN:
            self.step = self.step.model_copy(update={"retry_of": last.number})

    async def cancel(self) -> None:
        """Cancel the job; its responses are released while other things go on."""
        job = self.step.job
        await job_moves.request_cancel(self.bench.house.db, TENANT, job.job_id, by="t", reason=None)
        request = CancelRequest(job=job, reason="", job_too=True)
        deed = self.workers[1].bench.deeds.responses.cancel_responses
        self.canceling = asyncio.create_task(self.workers[1].bench.run(deed, request))
        await self.quiet()

    async def quiet(self) -> None:
        await self._workers_quiet()
        while await self._is_canceling():
            await asyncio.sleep(GLANCE)
        await self._workers_quiet()  # what was canceled has woken who waited for it

    async def _workers_quiet(self) -> None:
        for each in self.workers:
            await each.quiet()
            if not each.is_busy and (outcome := await each.end()) is not None:
                self.outcomes.append(outcome)

    async def _is_canceling(self) -> bool:
        """Tell whether responses are being canceled; those still without an id are waited for."""
        if self.canceling is None or self.canceling.done():
            return False
        rows = await self.bench.submits(self.step)
        open_rows = [each for each in rows if each.state is State.OPEN]
        return not open_rows or any(each.response_id for each in open_rows)

    async def finish(self) -> None:
        """Let everything come to its end, as Temporal, the provider and maintenance would."""
        for number in (0, 1):
            await self.kill(number)
        await self.bench.house.emulator.post("/script", json={"rules": []})
        for made in await self.made():
            await self.complete(made["id"])
        await self.bench.age(self.step, "intent_at", 3600)
        if self.canceling is not None:
            await self.canceling
        await self.bench.end(self.step)
        await self.bench.deeds.responses.releaser.release_all(self.step.job)
        for made in await self.made():
            await self.bench.deeds.maintenance.adopter.consider(made["id"])

    async def check(self, *, is_over: bool) -> None:
        """Check what must always hold, and what must hold in the end."""
        made = {each["id"]: each for each in await self.made()}
        rows = await self.bench.submits(self.step)
        await self._used_at_most_once(rows)
        self._accounted_for(made, rows)
        await self._booked_once(rows)
        if is_over:
            self._all_known_and_over(made, rows)

    async def _used_at_most_once(self, rows: list[Submit]) -> None:
        effective = [each.response_id for each in rows if each.state is State.EFFECTIVE]
        assert len(effective) <= 1
        assert {each.response_id for each in self.outcomes} <= set(effective)
        assert len({each.text for each in self.outcomes}) <= 1

    def _accounted_for(self, made: dict[str, dict[str, Any]], rows: list[Submit]) -> None:
        """Every create has a row of its own, which knows it or says that it may exist."""
        by_number = {each.number: each for each in rows}
        numbers = [int(each["metadata"]["backburner_submit"]) for each in made.values()]
        assert len(numbers) == len(set(numbers)), "one intent was posted twice"
        for name, number in zip(made, numbers, strict=True):
            row = by_number[number]
            nameless = (State.OPEN, State.UNCERTAIN)
            assert row.response_id == name or (row.response_id is None and row.state in nameless)

    async def _booked_once(self, rows: list[Submit]) -> None:
        costs = [each.cost for each in rows if each.cost]
        booked = (await self.bench.house.job(self.step.job.job_id)).cost
        assert booked.responses == len(costs)
        assert (booked.usd or 0) == sum((each.usd or Decimal(0) for each in costs), Decimal(0))
        assert booked.usage.output_tokens == sum(each.usage.output_tokens for each in costs)

    def _all_known_and_over(self, made: dict[str, dict[str, Any]], rows: list[Submit]) -> None:
        """In the end nothing runs, nothing is unknown, and the bill is the provider's."""
        known = {each.response_id: each for each in rows if each.response_id}
        assert set(known) == set(made)
        assert State.OPEN not in {each.state for each in rows}
        for name, entry in made.items():
            assert entry["terminal_at"] is not None
            usage, cost = entry["usage"] or {}, known[name].cost
            assert cost is not None
            assert cost.usage == Usage(
                input_tokens=usage.get("input_tokens", 0),
                output_tokens=usage.get("output_tokens", 0),
                reasoning_tokens=usage.get("output_tokens_details", {}).get("reasoning_tokens", 0),
            )
