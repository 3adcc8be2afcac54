"""Webhooks on, off, on again, from the emulator to a worker: polls become rare, and come back.

What is counted is who asked the provider and how often, not how long anything took.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from activities.watcher import REMEMBERED
from jobs.webhooks import EVENT_TYPES, INCOMING_PATH
from local.ports import free_port
from local.processes import Process
from tests.api.conftest import NO_TLS
from tests.installation import Installation, eventually

RUNS = 2.5
"""Seconds of a response that is polled once or twice, unless its notice is waited for."""

RARE = 4.0
"""Seconds between polls while notices are trusted, instead of half a minute."""

FEW = 4
NAME = "GET /v1/responses/{response_id}"


@pytest.fixture(autouse=True)
def rare_polls_that_a_test_can_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.polling.PUSHED_SHORTEST", RARE)


@pytest.fixture
async def door(house: Installation) -> AsyncIterator[httpx2.AsyncClient]:
    """A gateway process that the emulator sends its webhooks to."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    provider = httpx2.AsyncClient(
        base_url=house.environment["OPENAI_BASE_URL"],
        headers={"Authorization": f"Bearer {house.environment['OPENAI_API_KEY']}"},
    )
    async with provider, httpx2.AsyncClient(base_url=url, verify=NO_TLS, timeout=30) as client:
        endpoint = {"name": "a", "url": url + INCOMING_PATH, "event_types": list(EVENT_TYPES)}
        made = (await provider.post("/webhook_endpoints", json=endpoint)).raise_for_status().json()
        environment = {
            **house.environment,
            "BACKBURNER_PORT": str(port),
            "BACKBURNER_OPENAI_WEBHOOK_SECRETS": json.dumps([made["signing_secret"]]),
        }
        command = [sys.executable, "-m", "api"]
        log = house.logs / "gateway.log"
        async with Process(command, log_file=log, environment=environment) as gateway:
            await gateway.wait_ready(lambda: _answers(client))
            yield client
        await provider.delete(f"/webhook_endpoints/{made['id']}")


async def _answers(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).is_success
    except httpx2.HTTPError:
        return False


class Visit:
    """A client at the door, which also counts what the provider is asked."""

    def __init__(self, house: Installation, door: httpx2.AsyncClient) -> None:
        self.house, self.door = house, door

    async def run(self, count: int, **script: Any) -> int:
        """Run jobs side by side to their good end; return the polls that their responses took."""
        before = await self.asked()
        await asyncio.gather(*(self._one(script) for _ in range(count)))
        return await self.asked() - before - count  # each one is fetched once in full

    async def asked(self) -> int:
        calls = (await self.house.emulator.get("/calls")).json()
        return int(calls.get(NAME, 0))

    async def _one(self, script: dict[str, Any]) -> None:
        text = f"It rained. [[emulator: {json.dumps({'queued_seconds': 0} | script)}]]"
        body = {"type": "summarize_text", "payload": {"text": text}}
        job = (await self.door.post("/api/jobs", json=body)).json()
        while job["status"] in ("pending", "running"):
            path = f"/api/jobs/{job['job_id']}"
            job = (await self.door.get(path, headers={"Prefer": "wait=20"})).json()
        assert job["status"] == "succeeded", job["error"]


@pytest.mark.timeout(120)
async def test_polls_become_rare_while_notices_come_and_return_when_they_stop(
    house: Installation, door: httpx2.AsyncClient
):
    assert house.deeds
    watcher, visit = house.deeds.watcher, Visit(house, door)

    async def trusted() -> bool:
        return watcher.trusts_notices

    await visit.run(FEW, run_seconds=0.5)
    await eventually(trusted)
    assert await visit.run(FEW, run_seconds=RUNS) == 0

    lost = {"run_seconds": RUNS, "webhook": "lost"}
    assert await visit.run(2 * FEW, **lost) >= 2 * FEW  # nothing but polls could find them
    assert not watcher.trusts_notices
    assert await visit.run(FEW, **lost) > FEW  # more than one each, as before there were notices

    await visit.run(REMEMBERED, run_seconds=0.5)
    await eventually(trusted)
    assert await visit.run(FEW, run_seconds=RUNS) == 0
