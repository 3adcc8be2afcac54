"""Thousands of responses waiting in one worker process, polled only: all of them end well.

What it prints is what waiting costs; the comparison with other numbers of waits is a benchmark.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import httpx2
import psutil
import pytest

from jobs.errors import ServiceUnavailable
from local.ports import free_port
from local.processes import Process
from tests.installation import Installation, eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1500)]

WAITS = 5_000
AT_ONCE = 32
WINDOW_SECONDS = 30
POLL, BEAT = "GET /v1/responses/{response_id}", 'operation="RecordActivityTaskHeartbeat"'
TEXT = f"It rained. [[emulator: {json.dumps({'outcome': 'stuck'})}]]"


@dataclass(frozen=True)
class Count:
    """What has happened so far."""

    at: float
    polls: float
    beats: float
    cpu: float


@dataclass
class Crowd:
    """A worker process and the jobs that wait in it."""

    house: Installation
    process: Process
    metrics: httpx2.AsyncClient

    async def submit(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            # Accepted is what is written: maintenance starts what Temporal was too busy for.
            async with gate:
                with suppress(ServiceUnavailable):
                    await self.house.submit("summarize_text", {"text": TEXT})

        await asyncio.gather(*(one() for _ in range(WAITS)))
        await eventually(self.long_waits, lambda n: n == WAITS)

    async def end(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(response_id: str) -> None:
            async with gate:
                await self.house.emulator.post(f"/responses/{response_id}/complete")

        await asyncio.gather(*(one(each["id"]) for each in await self.house.created()))

    async def long_waits(self) -> int:
        await asyncio.sleep(0.5)
        count: int = await self.house.db.fetchval("SELECT count(*) FROM long_waits")
        return count

    async def jobs_with(self, condition: str) -> int:
        await asyncio.sleep(0.5)  # counting thousands of rows costs what the worker needs
        count: int = await self.house.db.fetchval(
            f"SELECT count(*) FROM responses WHERE {condition}"  # noqa: S608 # constants of this file
        )
        return count

    async def count(self) -> Count:
        calls = (await self.house.emulator.get("/calls")).json()
        page = (await self.metrics.get("/metrics")).text.splitlines()
        beats = [
            line for line in page if line.startswith("temporal_request_total{") and BEAT in line
        ]
        times = psutil.Process(self.process.pid).cpu_times()
        return Count(
            at=time.monotonic(),
            polls=calls.get(POLL, 0),
            beats=sum(float(line.rsplit(" ", 1)[1]) for line in beats),
            cpu=times.user + times.system,
        )

    def memory_kilobytes(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1000


@pytest.fixture
async def crowd(bare: Installation) -> AsyncIterator[Crowd]:
    bare.environment["BACKBURNER_TEMPORAL_METRICS_PORT"] = str(port := free_port())
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as metrics,
        bare.worker_process() as process,
    ):
        first = await bare.submit("summarize_text", {"text": "It rained."})
        await bare.ended(first)  # everything is loaded
        await bare.db.execute("DELETE FROM jobs")
        await bare.emulator.post("/reset")
        bare.ids.clear()
        yield Crowd(bare, process, metrics)


async def test_five_thousand_responses_wait_in_one_worker_and_all_end_well(crowd: Crowd):
    idle = crowd.memory_kilobytes()
    await crowd.submit()
    before = await crowd.count()
    await asyncio.sleep(WINDOW_SECONDS)  # the length of the measurement itself
    after = await crowd.count()
    grown, seconds = crowd.memory_kilobytes() - idle, after.at - before.at
    polls, beats = after.polls - before.polls, after.beats - before.beats
    print(
        f"{WAITS} waits: {grown / WAITS:.0f} KB each, {(after.cpu - before.cpu) / seconds:.2f} "
        f"cores, {polls / seconds:.1f} polls/s, {beats / seconds:.1f} heartbeats/s"
    )
    assert polls < WAITS * seconds
    assert 0 < beats < WAITS * seconds / 40  # at least 40 s between two beats of a wait

    await crowd.end()
    began = time.monotonic()
    await eventually(lambda: crowd.jobs_with("state = 'effective'"), lambda n: n == WAITS)
    print(f"all were seen {time.monotonic() - began:.1f} s after the last one had ended")
    assert await crowd.jobs_with("TRUE") == WAITS
    assert len(await crowd.house.created()) == WAITS
