"""The engine under load, from the outside: a whole stack of processes, HTTP in, HTTP out.

Run by `make prove`; what it prints is what the closing figures are taken from.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from local.stack import Stack, started
from tests.chaos.ledger import broken_promises

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]

TEXT = "The pilot ran for six weeks and cut costs by 14 percent."


class Outside:
    """A client of a running stack, which also looks at the emulator's and Postgres's books.

    It is the lean client of the benchmarks: two cores are shared, and what it needs, others lack.
    """

    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack, self.http = stack, http
        self.provider = stack.addresses.provider

    async def submit(self, **script: Any) -> str:
        text = f"{TEXT} [[emulator: {json.dumps(script)}]]" if script else TEXT
        body = {"type": "summarize_text", "payload": {"text": text}}
        async with self.http.post(f"{self.stack.addresses.gateway}/api/jobs", json=body) as reply:
            return str((await reply.json())["job_id"])

    async def get(self, job_id: str, *, wait: int = 0) -> dict[str, Any]:
        url = f"{self.stack.addresses.gateway}/api/jobs/{job_id}"
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        async with self.http.get(url, headers=headers) as reply:
            found: dict[str, Any] = await reply.json()
            return found

    async def ended(self, job_id: str, *, every: float = 0.2) -> dict[str, Any]:
        while (job := await self.get(job_id))["status"] in ("pending", "running"):
            await asyncio.sleep(every)
        return job

    async def emulated(self, path: str) -> Any:
        root = self.provider.removesuffix("/v1")
        async with self.http.get(f"{root}/__admin/{path}") as reply:
            return await reply.json()

    async def without_webhooks(self) -> None:
        endpoints = f"{self.provider}/webhook_endpoints"
        async with self.http.get(endpoints) as reply:
            found = (await reply.json())["data"]
        for each in found:
            await (await self.http.delete(f"{endpoints}/{each['id']}")).read()

    async def ledger(self) -> list[Any]:
        return await self.rows("SELECT * FROM responses")

    async def rows(self, query: str) -> list[Any]:
        connection = await asyncpg.connect(self.stack.database_url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()


@pytest.fixture
async def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with AsyncExitStack() as parts:
        stack = await parts.enter_async_context(started(tmp_path))
        http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"Authorization": "Bearer emulated"},
            raise_for_status=True,
        )
        yield Outside(stack, await parts.enter_async_context(http))


async def seen_after(outside: Outside, job_id: str, quiet: float) -> float:
    """Return when a GET says succeeded; it waits for the end, since asking often costs time too."""
    await asyncio.sleep(quiet)
    job = await outside.get(job_id, wait=20)
    assert job["status"] == "succeeded", job["error"]
    return time.time()


async def delays(outside: Outside, *, jobs: int, per_second: float, run: float) -> list[float]:
    """Submit at a steady rate; return each job's delay behind the end of its response."""
    watching = {}
    for number in range(jobs):
        began = time.monotonic()
        job_id = await outside.submit(queued_seconds=0, run_seconds=run)
        watching[job_id] = asyncio.create_task(seen_after(outside, job_id, run - 0.5))
        pause = 1 / per_second - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, pause if number else 0.0))
    await asyncio.gather(*watching.values())
    ends = {
        each["metadata"]["backburner_job"]: each["terminal_at"]
        for each in await outside.emulated("ledger")
    }
    return sorted([task.result() - ends[job_id] for job_id, task in watching.items()])


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


async def test_with_webhooks_the_end_is_seen_at_once(outside: Outside):
    await delays(outside, jobs=10, per_second=10, run=1)  # everything is warm
    found = await delays(outside, jobs=300, per_second=10, run=5)
    median, p99 = statistics.median(found), percentile(found, 0.99)
    print(
        f"webhooks, 10 jobs/s of 5 s: median {1000 * median:.0f} ms, p95 "
        f"{1000 * percentile(found, 0.95):.0f} ms, p99 {1000 * p99:.0f} ms, "
        f"slowest {1000 * found[-1]:.0f} ms"
    )
    assert median < 0.05
    assert p99 < 0.25


async def test_with_polls_alone_the_end_is_seen_soon_and_polls_are_few(outside: Outside):
    await outside.without_webhooks()
    before = await outside.emulated("calls")
    found = await delays(outside, jobs=200, per_second=10, run=5)
    calls = Counter(await outside.emulated("calls")) - Counter(before)
    polls = calls["GET /v1/responses/{response_id}"] - 200  # one full retrieve each
    rate = polls / (200 * 5)
    p95 = percentile(found, 0.95)
    print(
        f"polls alone, 10 jobs/s of 5 s: median {statistics.median(found):.2f} s, p95 {p95:.2f} s,"
        f" {rate:.2f} polls per response and second"
    )
    assert p95 < 1.5
    assert rate < 1


async def test_replies_dropped_after_acceptance_lose_nothing_and_hide_nothing(outside: Outside):
    ids = [await outside.submit(fault="drop_after", run_seconds=3) for _ in range(200)]
    await accounted_for(outside, ids)


async def test_a_worker_killed_between_post_and_commit_loses_nothing_and_hides_nothing(
    outside: Outside,
):
    slow = {"fault": "slow_reply", "reply_delay_seconds": 20, "run_seconds": 3}
    ids = [await outside.submit(**slow) for _ in range(200)]

    while len(await outside.emulated("ledger")) < 200:
        await asyncio.sleep(0.1)
    worker = outside.stack.processes["worker"]
    await worker.kill()
    began = time.monotonic()
    await worker.start()
    await accounted_for(outside, ids)
    print(f"all moved again and ended {time.monotonic() - began:.1f} s after the kill")


async def accounted_for(outside: Outside, ids: list[str]) -> None:
    """Check that every job ended well, and our ledger of responses against the provider's."""
    jobs = [await outside.ended(job_id) for job_id in ids]
    assert Counter(job["status"] for job in jobs) == {"succeeded": len(ids)}
    created = await outside.emulated("ledger")
    while any(each["terminal_at"] is None for each in created):
        await asyncio.sleep(0.2)
        created = await outside.emulated("ledger")
    strangers = await strangers_after(outside, created)
    rows = await all_settled(outside)
    states = Counter(row["state"] for row in rows)
    per_step = Counter(row["job_id"] for row in rows if row["state"] == "effective")
    print(
        f"{len(ids)} jobs, {len(created)} creates, ledger {dict(states)}, "
        f"{len(strangers)} creates unknown to it"
    )
    assert set(per_step.values()) == {1}
    assert strangers == []
    books = {str(row["id"]): dict(row) for row in await outside.rows("SELECT * FROM jobs")}
    made = {each["id"]: each for each in await outside.emulated("ledger")}
    assert broken_promises(books, [dict(row) for row in rows], made) == []
    tokens = sum((each["usage"] or {}).get("output_tokens", 0) for each in made.values())
    booked = sum(job["output_tokens"] for job in books.values())
    print(f"the provider counts {tokens} output tokens, the jobs {booked}")
    assert booked == tokens


async def all_settled(outside: Outside) -> list[Any]:
    """Return the ledger once no response is open: the losers of a step are let go after it."""
    rows = await outside.ledger()
    while any(row["state"] == "open" for row in rows):
        await asyncio.sleep(0.2)
        rows = await outside.ledger()
    return rows


async def strangers_after(outside: Outside, created: list[Any], seconds: float = 30) -> list[str]:
    """Return the creates the ledger does not know once their notices had time to arrive."""
    latest = time.monotonic() + seconds
    while True:
        known = {row["response_id"] for row in await outside.ledger()}
        strangers = [each["id"] for each in created if each["id"] not in known]
        if not strangers or time.monotonic() > latest:
            return strangers
        await asyncio.sleep(0.2)
