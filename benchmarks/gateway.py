"""What the door can take: reads and submits per second, and what idle event streams cost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.report import Section
from benchmarks.rig import Rig, rig

LANES = 16
STREAMS = 500


async def measure(folder: Path, *, quick: bool) -> list[Section]:
    """Measure the gateway by itself: no worker takes the jobs while it is measured."""
    seconds, streams = (3, 100) if quick else (10, STREAMS)
    async with rig(folder) as here:
        job_id = await here.submit(0)
        await here.ended(job_id)
        ceiling = await _rate(lambda: here.told("ready"), seconds)
        reads = await _rate(lambda: here.job(job_id), seconds)
        waiting = await here.submit(3600)
        memory = await _streams(here, waiting, streams)
        await here.stack.processes["worker"].terminate()
        posts = await _rate(lambda: here.submit(0), seconds)
    rows: list[Sequence[str]] = [
        ["the stub itself: what the load generator can ask", f"{ceiling:.0f}/s"],
        ["`GET /api/jobs/{id}`", f"{reads:.0f}/s"],
        ["`POST /api/jobs`, recorded and started", f"{posts:.0f}/s"],
        [f"memory per idle event stream, {streams} open", f"{memory / 1000:.0f} KB"],
    ]
    text = f"One gateway process, {LANES} connections, {seconds} s each."
    return [Section("The gateway", text, ["", "measured"], rows)]


async def _rate(do: Callable[[], Awaitable[object]], seconds: float) -> float:
    """Do something again and again on several lanes; return how often per second."""
    until = time.monotonic() + seconds
    count = 0

    async def lane() -> None:
        nonlocal count
        while time.monotonic() < until:
            await do()
            count += 1

    began = time.monotonic()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return count / (time.monotonic() - began)


async def _streams(here: Rig, job_id: str, streams: int) -> float:
    """Open event streams of a job that goes on; return the gateway's memory per stream."""
    url = f"{here.stack.addresses.gateway}/api/jobs/{job_id}/events"
    before = here.memory_bytes("gateway")
    async with AsyncExitStack() as opened:
        for _ in range(streams):
            reply = await opened.enter_async_context(here.http.get(url))
            await reply.content.readline()  # the first event has come: the stream stands
        return (here.memory_bytes("gateway") - before) / streams
