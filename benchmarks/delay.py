"""How late a result is: from the provider's completion to a GET that says succeeded."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Section, distribution, percentile
from benchmarks.rig import Rig, rig

PER_SECOND = 10
RUN_SECONDS = 5


@dataclass(frozen=True)
class Seen:
    """One job: when it was posted, when its response ended, and when a GET said so."""

    posted: float
    ended: float
    seen: float


async def measure(folder: Path, *, quick: bool) -> list[Section]:
    """Measure the delay at a steady rate, and what a spike does, with webhooks and without."""
    steady, spike = (150, 200) if quick else (600, 1000)
    late: dict[str, list[float]] = {}
    spikes: dict[str, list[Seen]] = {}
    polls: dict[str, float] = {}
    for name, webhooks in (("webhooks", True), ("polling", False)):
        async with rig(folder / name, webhooks=webhooks) as here:
            await at_a_rate(here, jobs=PER_SECOND, per_second=PER_SECOND, seconds=1)  # warm
            before = (await here.told("calls")).get("retrieve", 0)
            seen = await at_a_rate(here, jobs=steady, per_second=PER_SECOND, seconds=RUN_SECONDS)
            late[name] = [1000 * (each.seen - each.ended) for each in seen]
            # One retrieve per response fetches the answer; the rest are polls.
            asked = (await here.told("calls"))["retrieve"] - before - steady
            polls[name] = asked / (steady * RUN_SECONDS)
            spikes[name] = await at_a_rate(here, jobs=spike, per_second=spike, seconds=1)
    return [_delays(late, polls, steady), _spikes(spikes, spike)]


async def at_a_rate(here: Rig, *, jobs: int, per_second: float, seconds: float) -> list[Seen]:
    """Post jobs at a steady rate, whatever becomes of them; return what was seen of each."""
    began = time.monotonic()
    watches: list[asyncio.Task[tuple[str, float, float]]] = []
    for number in range(jobs):
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        watches.append(asyncio.create_task(_watched(here, seconds)))
    found = await asyncio.gather(*watches)
    ends = {
        each["metadata"]["backburner_job"]: each["ends_at"] for each in await here.told("ledger")
    }
    return [Seen(posted, ends[job_id], seen) for job_id, posted, seen in found]


async def _watched(here: Rig, seconds: float) -> tuple[str, float, float]:
    posted = time.time()
    job_id = await here.submit(seconds)
    job = await here.ended(job_id)
    if job["status"] != "succeeded":
        raise RuntimeError(f"a job {job['status']}: {job['error']}")
    return job_id, posted, time.time()


def _delays(late: dict[str, list[float]], polls: dict[str, float], jobs: int) -> Section:
    section = Section(
        f"Added delay at {PER_SECOND} jobs/s, responses of {RUN_SECONDS} s",
        f"{jobs} jobs; from the provider's completion to the reply of `GET /api/jobs/{{id}}` "
        "(`Prefer: wait`) that says `succeeded`.",
        ["", "p50 ms", "p95 ms", "p99 ms", "slowest ms", "polls per response and second"],
        plots={"delay": distribution(dict(late), "milliseconds after the provider's completion")},
    )
    for name, values in late.items():
        figures = [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)]
        section.rows.append([name, *(f"{each:.0f}" for each in figures), f"{polls[name]:.2f}"])
    return section


def _spikes(spikes: dict[str, list[Seen]], jobs: int) -> Section:
    plots = {name: [each.seen - each.posted for each in seen] for name, seen in spikes.items()}
    section = Section(
        f"A spike of {jobs} jobs in a second",
        "Responses of 1 s. Queue latency is the time from the POST until the provider has the "
        "request; completion is the time until the result is served.",
        ["", "queue latency p50 s", "p99 s", "completion p50 s", "p99 s", "all done after s"],
        plots={"spike": distribution(dict(plots), "seconds from the POST to the result")},
    )
    for name, seen in spikes.items():
        queued = [each.ended - 1 - each.posted for each in seen]
        done = [each.seen - each.posted for each in seen]
        figures = [percentile(values, share) for values in (queued, done) for share in (0.5, 0.99)]
        total = max(each.seen for each in seen) - min(each.posted for each in seen)
        section.rows.append([name, *(f"{each:.1f}" for each in [*figures, total])])
    return section
