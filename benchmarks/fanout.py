"""A data set in one request: one pipeline, one map, one job of one response per item."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client

from backburner.pipelines import job, map_, pipeline, ref
from benchmarks.report import Section
from benchmarks.rig import TEXT, Rig, rig

WINDOW = 200
"""Items in flight: as many as a pipeline allows."""

RESPONSE_SECONDS = 1
GLANCE_SECONDS = 1.0
PARTS = ("worker", "gateway", "temporal", "postgres")


@dataclass(frozen=True)
class Run:
    """What one data set took.

    Attributes:
        batches: History events of the pipelines that the root ran.
        idle: Memory of each part before, in bytes.
        peak: The most it had meanwhile.
        cpu: Seconds of CPU of each part.
    """

    items: int
    seconds: float
    root: int
    batches: list[int]
    idle: dict[str, int]
    peak: dict[str, int]
    cpu: dict[str, float]


async def measure(folder: Path, *, quick: bool) -> list[Section]:
    """Run one data set and look at everything it leaves behind."""
    items = 300 if quick else 10_000
    async with rig(folder) as here:
        await here.ended(await here.submit(0))  # everything is warm
        run = await _run(here, items)
    return [_whole(run), _parts(run)]


async def _run(here: Rig, items: int) -> Run:
    peak = idle = _memory(here)
    cpu, began = here.cpu_seconds(), time.perf_counter()
    job_id = await _submitted(here, items)
    ending = asyncio.create_task(here.ended(job_id))
    while not ending.done():
        await asyncio.wait([ending], timeout=GLANCE_SECONDS)
        peak = {part: max(peak[part], now) for part, now in _memory(here).items()}
    seconds, after = time.perf_counter() - began, here.cpu_seconds()
    await _check(here, await ending, items)
    client = await Client.connect(here.stack.addresses.temporal)
    return Run(
        items,
        seconds,
        await _events(client, job_id),
        [await _events(client, each) for each in await _batches(here, job_id)],
        idle,
        peak,
        {part: after[part] - cpu[part] for part in PARTS},
    )


async def _submitted(here: Rig, items: int) -> str:
    rows = [{"text": f"{TEXT} #{number}#"} for number in range(items)]
    do = job("summarize_text", {"text": ref("row.text")})
    tree = map_(ref("input.rows"), do, variable="row", window=WINDOW)
    body = {"type": "pipeline", "payload": pipeline(tree, {"rows": rows})}
    return await here.submit(RESPONSE_SECONDS, **body)


async def _check(here: Rig, ended: dict[str, Any], items: int) -> None:
    """Make sure that every item has its own answer, in the items' order, paid for once.

    Raises:
        RuntimeError: One has not.
    """
    if ended["status"] != "succeeded":
        raise RuntimeError(f"the pipeline {ended['status']}: {ended['error']}")
    url = f"{here.stack.addresses.gateway}/api/jobs/{ended['job_id']}/result"
    async with here.http.get(url) as reply:
        reply.raise_for_status()
        results = (await reply.json())["result"]
    wrong = [n for n, each in enumerate(results) if not each["summary"].endswith(f"#{n}#")]
    if len(results) != items or wrong:
        raise RuntimeError(f"{len(results)} results, out of order at {wrong[:5]}")
    if (created := len(await here.told("ledger")) - 1) != items:
        raise RuntimeError(f"{created} responses for {items} items")


async def _batches(here: Rig, job_id: str) -> list[str]:
    """Return the ids of the pipelines that the root ran, none where it ran the items itself."""
    url = f"{here.stack.addresses.gateway}/api/jobs"
    wanted = {"parent": job_id, "type": "pipeline", "limit": "100"}
    async with here.http.get(url, params=wanted) as reply:
        reply.raise_for_status()
        return [each["job_id"] for each in (await reply.json())["jobs"]]


async def _events(client: Client, job_id: str) -> int:
    return (await client.get_workflow_handle(job_id).describe()).history_length


def _memory(here: Rig) -> dict[str, int]:
    return {part: here.memory_bytes(part) for part in PARTS}


def _whole(run: Run) -> Section:
    section = Section(
        "Fan-out",
        f"One request with {run.items:,} items: a pipeline that maps a job of one response of "
        f"{RESPONSE_SECONDS} s over them, {WINDOW} at once. Every item has its own answer, in its "
        "own place, from one response.",
        ["items", "seconds", "items/s", "history events of the root", "of a batch, at the most"],
    )
    section.rows.append(
        [
            f"{run.items:,}",
            f"{run.seconds:.0f}",
            f"{run.items / run.seconds:.1f}",
            f"{run.root:,}",
            f"{max(run.batches, default=0):,} ({len(run.batches)} batches)",
        ]
    )
    return section


def _parts(run: Run) -> Section:
    section = Section(
        "Fan-out, by part",
        "Memory before the request and at its highest, looked at every second; CPU per item.",
        ["part", "idle MiB", "peak MiB", "CPU ms/item", "cores"],
    )
    for part in PARTS:
        section.rows.append(
            [
                part,
                f"{run.idle[part] / 2**20:.0f}",
                f"{run.peak[part] / 2**20:.0f}",
                f"{1000 * run.cpu[part] / run.items:.1f}",
                f"{run.cpu[part] / run.seconds:.2f}",
            ]
        )
    return section
