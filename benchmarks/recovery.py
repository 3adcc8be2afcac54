"""How long it takes until everything moves again after a kill -9, and what is lost: nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from benchmarks.report import Section
from benchmarks.rig import Rig, rig

JOBS = 200
SECONDS_EACH = 8


@dataclass(frozen=True)
class Crash:
    """What one kill did.

    Attributes:
        moving_after: Seconds from the kill until a job that was submitted after it had succeeded.
        done_after: Seconds from the kill until every job had ended.
        lost: Jobs that did not succeed.
        duplicated: Steps with a second effective response.
        wasted: Submits beyond one per job; each is booked.
        token_error: Tokens we booked minus tokens the provider counts.
    """

    part: str
    moving_after: float
    done_after: float
    lost: int
    duplicated: int
    wasted: int
    token_error: int


async def measure(folder: Path, *, quick: bool) -> list[Section]:
    """Kill each part once, with jobs in flight, and bring it back at once."""
    jobs = 40 if quick else JOBS
    async with rig(folder) as here:
        await here.ended(await here.submit(0))
        crashes = [await _crash(here, part, kill, jobs) for part, kill in _kills(here).items()]
    return [_section(crashes, jobs)]


def _kills(here: Rig) -> dict[str, Callable[[], Awaitable[None]]]:
    stack = here.stack

    async def process(name: str) -> None:
        await stack.processes[name].kill()
        await stack.processes[name].start()

    async def temporal() -> None:
        await stack.temporal.kill()
        await stack.temporal.start()

    async def postgres() -> None:
        await stack.postgres.kill()
        await stack.postgres.start()

    return {
        "worker": lambda: process("worker"),
        "gateway": lambda: process("gateway"),
        "Temporal server": temporal,
        "Postgres": postgres,
    }


async def _crash(here: Rig, part: str, kill: Callable[[], Awaitable[None]], jobs: int) -> Crash:
    ids = await asyncio.gather(*(here.submit(SECONDS_EACH) for _ in range(jobs)))
    known = await _created(here, ids)
    while sum(known.values()) < jobs:
        await asyncio.sleep(0.1)
        known = await _created(here, ids)
    began = time.monotonic()
    await kill()
    back = time.monotonic()
    await _moves(here)
    moving = time.monotonic() - back
    ended = [await _patiently(here, job_id) for job_id in ids]
    done = time.monotonic() - began
    states, tokens = await _books(here, ids)
    made = sum(
        each["tokens"]
        for each in await here.told("ledger")
        if each["metadata"].get("backburner_job") in ids
    )
    return Crash(
        part,
        moving_after=moving,
        done_after=done,
        lost=sum(status != "succeeded" for status in ended),
        duplicated=states["effective"] - jobs,
        wasted=sum(states.values()) - jobs,
        token_error=tokens - made,
    )


async def _moves(here: Rig) -> None:
    """Wait until a job goes all the way through."""
    while True:
        try:
            return await _through(here)
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)


async def _through(here: Rig) -> None:
    job_id = await here.submit(0)
    await _patiently(here, job_id)


async def _patiently(here: Rig, job_id: str) -> str:
    """Return how a job ended, through any outage of the gateway or what is behind it."""
    while True:
        try:
            return str((await here.ended(job_id))["status"])
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)


async def _created(here: Rig, ids: list[str]) -> Counter[str]:
    found = Counter(each["metadata"].get("backburner_job") for each in await here.told("ledger"))
    return Counter({job_id: found[job_id] for job_id in ids})


async def _books(here: Rig, ids: list[str]) -> tuple[Counter[str], int]:
    """Return how many submits ended in which state, and the tokens of them all."""
    connection = await asyncpg.connect(here.stack.database_url)
    try:
        rows = await connection.fetch(
            "SELECT state, COALESCE((usage->>'input_tokens')::int, 0) "
            "+ COALESCE((usage->>'output_tokens')::int, 0) AS tokens "
            "FROM responses WHERE job_id = ANY($1::uuid[])",
            ids,
        )
    finally:
        await connection.close()
    return Counter(row["state"] for row in rows), sum(row["tokens"] for row in rows)


def _section(crashes: list[Crash], jobs: int) -> Section:
    section = Section(
        "Recovery after kill -9",
        f"{jobs} jobs of {SECONDS_EACH} s in flight; the part is killed and started again at once, "
        "at shipped defaults.",
        [
            *("killed", "new work flows again after s", "all jobs ended after s"),
            *("lost", "second effective responses", "extra submits, booked"),
            "tokens booked beside the provider's",
        ],
    )
    for each in crashes:
        section.rows.append(
            [
                each.part,
                f"{each.moving_after:.1f}",
                f"{each.done_after:.1f}",
                str(each.lost),
                str(each.duplicated),
                str(each.wasted),
                str(each.token_error),
            ]
        )
    return section
