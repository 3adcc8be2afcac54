"""What waiting costs: thousands of open responses in one worker process."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.report import Section
from benchmarks.rig import Rig, rig

SUBMITTERS = 32
WINDOW_SECONDS = 60
LONG_SECONDS = 3600


@dataclass(frozen=True)
class Look:
    """The worker with so many waits."""

    waits: int
    memory: int
    core: float
    server_core: float
    polls: float


async def measure(folder: Path, *, quick: bool) -> list[Section]:
    """Add waits step by step and look at the worker at each."""
    steps = (200, 500) if quick else (1000, 5000, 10_000)
    window = 15 if quick else WINDOW_SECONDS
    settings = {"BACKBURNER_WAITING_RESPONSES": "20000"}
    async with rig(folder, webhooks=False, settings=settings) as here:
        empty = here.memory_bytes("worker")
        looks: list[Look] = []
        for waits in steps:
            await _fill(here, waits)
            looks.append(await _look(here, waits, window))
    return [_section(looks, empty, window)]


async def _fill(here: Rig, waits: int) -> None:
    """Post jobs until so many responses are waited for, each of them for a while."""
    missing = iter(range(waits - len(await here.told("ledger"))))

    async def lane() -> None:
        for _ in missing:
            await here.submit(LONG_SECONDS)

    await asyncio.gather(*(lane() for _ in range(SUBMITTERS)))
    connection = await asyncpg.connect(here.stack.database_url)
    try:
        # What the waits cost is asked, not what it costs to begin them.
        while await connection.fetchval("SELECT count(*) FROM long_waits") < waits:
            await asyncio.sleep(1)
    finally:
        await connection.close()


async def _look(here: Rig, waits: int, window: float) -> Look:
    calls, cpu, began = await here.told("calls"), here.cpu_seconds(), time.monotonic()
    await asyncio.sleep(window)  # the length of the measurement itself
    later, after, spent = await here.told("calls"), here.cpu_seconds(), time.monotonic() - began
    return Look(
        waits,
        here.memory_bytes("worker"),
        (after["worker"] - cpu["worker"]) / spent,
        (after["temporal"] - cpu["temporal"]) / spent,
        (later.get("retrieve", 0) - calls.get("retrieve", 0)) / spent,
    )


def _section(looks: list[Look], empty: int, window: float) -> Section:
    section = Section(
        "Waiting",
        f"Jobs whose response takes an hour, polled only, in one worker process that holds "
        f"{empty / 2**20:.0f} MiB when idle; each row is {window:g} s.",
        [
            *("waiting jobs", "worker MiB", "KB per further job", "jobs per GiB"),
            *("worker cores", "server cores", "polls/s"),
        ],
    )
    before = None
    for each in looks:
        further = (
            (each.memory - before.memory) / (each.waits - before.waits) / 1000
            if before
            else (each.memory - empty) / each.waits / 1000
        )
        section.rows.append(
            [
                f"{each.waits:,}",
                f"{each.memory / 2**20:.0f}",
                f"{further:.0f}",
                f"{2**30 * each.waits / each.memory:,.0f}",
                f"{each.core:.2f}",
                f"{each.server_core:.2f}",
                f"{each.polls:.1f}",
            ]
        )
        before = each
    return section
