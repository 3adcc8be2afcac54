"""Jobs per second, and what one costs: Backburner, which records everything, and bare Temporal."""

import asyncio
import os
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from benchmarks.report import Section, bars, spread
from benchmarks.rig import KEY, Rig, rig
from benchmarks.share import limited
from local.processes import Process
from local.stack import python

IN_FLIGHT, FOR_EACH_SECOND = 64, 32
"""Jobs not yet ended at any moment: enough to keep the server busy, few enough to keep order. So
many more for each second that their responses take: about as many are only waited for."""

SERVER_CORES = 0.6
"""What the Temporal server gets where it shall be the limit, on two cores."""

QUEUE = "bare"
OURS, BARE = "Backburner", "bare Temporal"


@dataclass(frozen=True)
class Round:
    """One side's figures of one round; CPU in milliseconds per job, by part.

    Attributes:
        idle: Share of the machine's CPU that nobody used.
    """

    jobs_per_second: float
    idle: float
    cpu: dict[str, float]
    events: int


def in_flight(seconds: float) -> int:
    """Return how many jobs are not yet ended while responses take some seconds."""
    return IN_FLIGHT + round(FOR_EACH_SECOND * seconds)


class Side(ABC):
    """One of the two that are compared."""

    def __init__(self, rig: Rig, client: Client) -> None:
        self.rig, self.client = rig, client

    @abstractmethod
    async def job(self, seconds: float) -> str:
        """Run one job to its end and return its workflow id."""

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used."""
        return self.rig.cpu_seconds()

    async def round(self, seconds: float, jobs: int) -> Round:
        """Run many jobs, a fixed number in flight, from the first start to the last result."""
        left = iter(range(jobs))
        ids: list[str] = []

        async def lane() -> None:
            ids.extend([await self.job(seconds) for _ in left])

        psutil.cpu_times_percent()  # from now on
        before, began = self.cpu(), time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(in_flight(seconds))))
        spent, after = time.perf_counter() - began, self.cpu()
        idle = psutil.cpu_times_percent().idle / 100
        history = await self.client.get_workflow_handle(ids[0]).fetch_history()
        cpu = {name: 1000 * (after[name] - before[name]) / jobs for name in before}
        return Round(jobs / spent, idle, cpu, len(history.events))


class Ours(Side):
    """Backburner, from the POST to the result in a GET."""

    async def job(self, seconds: float) -> str:
        """Post a job and wait for its result, as a client of short jobs does."""
        job = await self.rig.finish(seconds)
        if job["status"] != "succeeded":
            raise RuntimeError(f"a job {job['status']}: {job['error']}")
        return str(job["job_id"])


class Bare(Side):
    """Temporal alone: two activities, no record."""

    def __init__(self, rig: Rig, client: Client, worker: Process) -> None:
        super().__init__(rig, client)
        self._worker = psutil.Process(worker.pid)

    async def job(self, seconds: float) -> str:
        """Start a workflow and wait for its result."""
        workflow_id = f"bare-{uuid.uuid4()}"
        await self.client.execute_workflow(
            "bare", f"stub-{seconds:g}", id=workflow_id, task_queue=QUEUE, result_type=str
        )
        return workflow_id

    def cpu(self) -> dict[str, float]:
        """Count the bare worker as the worker; Backburner's own is idle meanwhile."""
        times = self._worker.cpu_times()
        return {**super().cpu(), "worker": times.user + times.system}


async def measure(folder: Path, *, quick: bool) -> list[Section]:
    """Compare both sides at responses of 0 s and of 1 s, in alternating rounds.

    First all parts share the machine, then the Temporal server has so little of it that nothing
    else is the limit, as where gateways and workers have machines of their own.
    """
    jobs, rounds = (150, 2) if quick else (400, 5)
    async with _both(folder) as (here, sides):

        async def compared(note: str) -> list[Section]:
            return [
                _section(seconds, await _alternating(sides, seconds, jobs, rounds), jobs, note)
                for seconds in (0, 1)
            ]

        sections = await compared("")
        try:
            with limited(here.processes()["temporal"], SERVER_CORES):
                sections += await compared(f", the server on {SERVER_CORES} cores")
        except OSError as error:
            print(f"the Temporal server was not limited: {error}", flush=True)
        return sections


@asynccontextmanager
async def _both(folder: Path) -> AsyncIterator[tuple[Rig, dict[str, Side]]]:
    """Start both sides on one Temporal server and warm them up."""
    # Without webhooks: the other side could not hear them, and both pay for what they ask.
    async with rig(folder, webhooks=False) as here:
        environment = {
            **os.environ,
            "TEMPORAL_ADDRESS": here.stack.addresses.temporal,
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{here.stub_url}/v1",
        }
        arguments = ("-m", "benchmarks.bare", "--queue", QUEUE)
        async with python(folder, "bare", environment, *arguments) as worker:
            client = await Client.connect(
                here.stack.addresses.temporal, data_converter=pydantic_data_converter
            )
            sides: dict[str, Side] = {
                OURS: Ours(here, client),
                BARE: Bare(here, client, worker),
            }
            for side in sides.values():
                await side.round(0, IN_FLIGHT)
            yield here, sides


async def _alternating(
    sides: dict[str, Side], seconds: float, jobs: int, rounds: int
) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(await side.round(seconds, jobs))
    return found


def _section(seconds: float, found: dict[str, list[Round]], jobs: int, note: str) -> Section:
    parts = list(found[OURS][0].cpu)
    ours, bare = found[OURS], found[BARE]
    speed = [a.jobs_per_second / b.jobs_per_second for a, b in zip(ours, bare, strict=True)]
    server = [a.cpu["temporal"] / b.cpu["temporal"] for a, b in zip(ours, bare, strict=True)]
    section = Section(
        f"Throughput, responses of {seconds:g} s{note}",
        f"{jobs} jobs of one response per round, {in_flight(seconds)} in flight, {len(ours)} "
        f"alternating rounds, polls on both sides. **{spread(speed, 2)} times the jobs per second "
        f"of bare Temporal, {spread(server, 2)} times the server's CPU per job**, with everything "
        "recorded.",
        ["", "jobs/s", "idle", "history events", *(f"{part}, CPU ms/job" for part in parts)],
        plots={
            f"throughput-{seconds:g}s{'-limited' if note else ''}": bars(
                {name: median(r.jobs_per_second for r in rounds) for name, rounds in found.items()},
                "jobs per second",
            )
        },
    )
    for name, rounds in found.items():
        cpu = [spread([each.cpu[part] for each in rounds]) for part in parts]
        speeds = spread([each.jobs_per_second for each in rounds])
        idle = f"{median(each.idle for each in rounds):.0%}"
        section.rows.append([name, speeds, idle, str(rounds[0].events), *cpu])
    return section
