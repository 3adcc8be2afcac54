"""Two workers and two gateways, as docker-compose.yml starts them, killed at random under load.

Whatever is killed is started again, as the file's restart policy says. Set BACKBURNER_SEED to
repeat a run's choices.
"""

import asyncio
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from local.processes import Process
from local.temporal import TemporalServer
from tests.deploy.here import Here
from tests.installation import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]

SECONDS = 120
"""How long somebody is killed every few seconds."""

REPLICAS = (0, 1)
CLIENTS = 4
BETWEEN_KILLS = (2.0, 7.0)
BETWEEN_JOBS = (0.5, 2.5)
RUN_SECONDS = (0.2, 6.0)
SLOW_REPLIES = 0.5

FIRST_PAUSE, LONGEST_PAUSE, GOOD_FOR = 0.1, 60.0, 10.0
"""Docker's restart policy: pauses double from the first one on, until a run has lasted."""


@dataclass
class Storm:
    """What happened in one run.

    Attributes:
        acknowledged: Ids of jobs by the Idempotency-Key they were submitted with.
    """

    rng: random.Random
    over: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: dict[str, str] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    async def pause(self, between: tuple[float, float]) -> None:
        """Wait for a random time, or until the storm is over."""
        try:
            await asyncio.wait_for(self.over.wait(), self.rng.uniform(*between))
        except TimeoutError:
            return


@asynccontextmanager
async def kept_running(process: Process) -> AsyncIterator[None]:
    """Start a process again whenever it has ended, as Docker does with `unless-stopped`."""

    async def keep() -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            await process.wait()
            pause = FIRST_PAUSE if time.monotonic() - began > GOOD_FOR else pause * 2
            await asyncio.sleep(min(pause, LONGEST_PAUSE))  # the policy's own pause
            await process.start()

    async with process:
        keeper = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


@asynccontextmanager
async def standing(here: Here) -> AsyncIterator[dict[str, Process]]:
    """Start everything, and wait until the gateways are well."""
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(here.process("emulator"))
        await emulator.wait_ready(partial(here.is_well, "emulator"))
        found = {
            f"{name} {replica}": here.process(name, replica)
            for name in ("gateway", "worker")
            for replica in REPLICAS
        }
        for process in found.values():
            await stack.enter_async_context(kept_running(process))
        for replica in REPLICAS:
            await found[f"gateway {replica}"].wait_ready(partial(here.is_well, "gateway", replica))
        yield found


async def kill_some(storm: Storm, victims: dict[str, Process]) -> None:
    """Kill one after the other; one that is down already is spared."""
    while not storm.over.is_set():
        await storm.pause(BETWEEN_KILLS)
        name = storm.rng.choice(sorted(victims))
        if not storm.over.is_set() and victims[name].running:
            storm.kills[name.split()[0]] += 1
            await victims[name].kill()


def script(rng: random.Random) -> dict[str, Any]:
    """Say how the provider treats a job: every other time a kill may meet a POST under way."""
    told: dict[str, Any] = {"run_seconds": round(rng.uniform(*RUN_SECONDS), 2)}
    if rng.random() < SLOW_REPLIES:
        told |= {"fault": "slow_reply", "reply_delay_seconds": 2}
    return told


async def submit_some(storm: Storm, here: Here, number: int) -> None:
    """Submit jobs, each until it is acknowledged, at whichever gateway answers."""
    count = 0
    async with here.client(0) as first, here.client(1) as second:
        while not storm.over.is_set():
            count += 1
            key = f"client-{number}-{count}"
            text = f"The pilot ran for six weeks. [[emulator: {json.dumps(script(storm.rng))}]]"
            body = {"type": "summarize_text", "payload": {"text": text}}
            while not await acknowledged(storm, storm.rng.choice((first, second)), key, body):
                await storm.pause((0.2, 0.4))
            await storm.pause(BETWEEN_JOBS)


async def acknowledged(
    storm: Storm, client: httpx2.AsyncClient, key: str, body: dict[str, Any]
) -> bool:
    try:
        reply = await client.post("/api/jobs", json=body, headers={"Idempotency-Key": key})
    except httpx2.TransportError as error:
        storm.troubles[type(error).__name__] += 1
        return False
    if reply.status_code != 202:
        storm.troubles[str(reply.status_code)] += 1
        return False
    job_id = reply.json()["job_id"]
    assert storm.acknowledged.setdefault(key, job_id) == job_id
    return True


async def rage(storm: Storm, here: Here, victims: dict[str, Process]) -> None:
    """Kill under load for the time, then let the last submissions through."""
    clients = [asyncio.create_task(submit_some(storm, here, each)) for each in range(CLIENTS)]
    killer = asyncio.create_task(kill_some(storm, victims))
    await asyncio.wait({killer, *clients}, timeout=SECONDS, return_when=asyncio.FIRST_EXCEPTION)
    storm.over.set()
    await asyncio.gather(killer, *clients)


async def statuses(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT id, status FROM jobs")
        return {str(row["id"]): row["status"] for row in rows}
    finally:
        await connection.close()


async def submits(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch("SELECT * FROM responses"))
    finally:
        await connection.close()


async def created(here: Here) -> list[dict[str, Any]]:
    """Return every response that was ever created, as the provider knows them."""
    url = f"http://127.0.0.1:{here.emulator_port}/__admin/ledger"
    async with httpx2.AsyncClient() as client:
        found: list[dict[str, Any]] = (await client.get(url)).json()
        return found


def step_of(response: dict[str, Any]) -> tuple[str, str]:
    metadata = response["metadata"]
    return metadata["backburner_job"], metadata["backburner_step"]


@pytest.fixture
def here(tmp_path: Path, database_url: str, temporal: TemporalServer) -> Here:
    return Here(tmp_path, database_url, temporal.address)


async def test_nothing_acknowledged_is_lost_whoever_is_killed(here: Here, database_url: str):
    seed = int(os.environ.get("BACKBURNER_SEED", uuid.uuid4().int % 1_000_000))
    print(f"BACKBURNER_SEED={seed}")
    storm = Storm(random.Random(seed))  # has to be repeatable
    async with standing(here) as victims:
        await rage(storm, here, victims)
        calm = time.monotonic()

        def all_ended(found: dict[str, str]) -> bool:
            return not {"pending", "running"} & set(found.values())

        ended = await eventually(lambda: statuses(database_url), all_ended)
        took = time.monotonic() - calm
        provider, ledger = await created(here), await submits(database_url)

    assert sum(storm.kills.values()) >= SECONDS / (2 * BETWEEN_KILLS[1])
    assert set(storm.acknowledged.values()) <= ended.keys()
    assert Counter(ended.values()) == {"succeeded": len(ended)}
    assert len(set(storm.acknowledged.values())) == len(storm.acknowledged)

    effective = Counter((row["job_id"], row["step_key"]) for row in ledger if is_effective(row))
    assert set(effective.values()) == {1}
    assert len(effective) == len(ended)
    # Each POST has its row: what the provider made beside the answers was lost by a kill.
    posts = Counter((str(row["job_id"]), row["step_key"]) for row in ledger)
    made = Counter(step_of(each) for each in provider)
    assert all(made[step] <= posts[step] for step in made)
    known = {row["response_id"] for row in ledger}
    strangers = [each for each in provider if each["id"] not in known]
    lost = [row for row in ledger if row["state"] == "uncertain"]
    assert len(strangers) <= len(lost)
    print(
        f"{SECONDS} s, {dict(storm.kills)} killed: {len(storm.acknowledged)} jobs acknowledged, "
        f"{len(ended)} succeeded, the last {took:.1f} s after the last kill; "
        f"{len(provider)} responses created, {len(strangers)} of them lost by a kill and made "
        f"again; clients met {dict(storm.troubles)}"
    )


def is_effective(row: asyncpg.Record) -> bool:
    return bool(row["state"] == "effective")
