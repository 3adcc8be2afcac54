"""Making schedules on a real server, and looking at the jobs they start."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from activities import maintenance
from activities.scheduling import Scheduling
from jobs.schedules.model import (
    Interval,
    Overlap,
    Policies,
    ScheduledJob,
    StoredSchedule,
    When,
)
from jobs.schedules.runs import ScheduledRun
from storage import executions, schedule_runs, schedules
from storage.jobs import JobRow
from storage.schedules import Address, Described
from tests.installation import TENANT, Installation, eventually
from tests.workflows.looking import pending_activities

YEARLY = When(cron=["0 0 1 1 *"])
"""Never in a test: its runs are triggered."""

WAITING = ScheduledJob(type="test_approvals", payload={"prompts": []})
QUIET = ScheduledJob(type="test_quiet", payload={})
FAILING = ScheduledJob(type="test_ends", payload={"how": "job_error"})
HOURLY = When(intervals=[Interval(every_seconds=3600)])


@dataclass
class Scheduled:
    """One schedule in the hand of a test."""

    house: Installation
    stored: StoredSchedule
    at: Address
    _triggered: set[datetime] = field(default_factory=set)

    async def described(self) -> Described:
        return await schedules.describe(self.at, self.stored.schedule_id)

    async def jobs(self) -> list[JobRow]:
        """Return its jobs, oldest first."""
        name = self.stored.schedule_id
        found = await schedule_runs.latest(self.house.db, TENANT, [name], each=100)
        self.house.ids = [row.id for row in found[name]]
        return found[name][::-1]

    async def have(self, *statuses: str) -> list[JobRow]:
        """Wait until its jobs, oldest first, have these statuses."""
        return await eventually(
            self.jobs, lambda rows: [str(row.status) for row in rows] == list(statuses)
        )

    async def trigger(self, overlap: Overlap | None = None, key: str | None = None) -> None:
        """Trigger in a second of its own: Temporal tells runs apart by their second."""
        taken = self._triggered | {_second_of(run) for run in await self.runs()}
        self._triggered.add(await eventually(_second, lambda now: now not in taken))
        await schedules.trigger(self.at, self.stored.schedule_id, overlap, key=key)

    async def started_before(self) -> datetime:
        """Start the job of a time of `HOURLY` as maintenance would; return the time."""
        due = (await _second()).replace(minute=0, second=0) - timedelta(hours=3)
        deeds = Scheduling(self.house.db, self.house.job_types)
        await deeds.open_scheduled(ScheduledRun(schedule=self.stored, scheduled_at=due))
        [row] = await self.jobs()
        job_type = self.house.job_types[row.type]
        await executions.start(self.house.client, self.house.queue, job_type, row)
        await self.have("running")
        return due

    async def runs(self) -> list[str]:
        """Return the ids of the workflows that it has started, oldest first."""
        found = await self.described()
        recent = found.raw.info.recent_actions
        return [each.start_workflow_result.workflow_id for each in recent]

    async def closed_as(self, number: int = 0) -> str:
        """Wait until one of its runs has closed, and say how."""
        runs = await eventually(self.runs, lambda found: len(found) > number)
        handle = self.house.client.get_workflow_handle(runs[number])
        seen = await eventually(handle.describe, lambda each: each.close_time is not None)
        return seen.status.name if seen.status else "UNKNOWN"


def _second_of(run: str) -> datetime:
    """Return the time at the end of a run's id."""
    return datetime.fromisoformat(run[-len("2026-11-21T09:00:00Z") :])


async def _second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@asynccontextmanager
async def scheduled(
    house: Installation,
    job: ScheduledJob,
    when: When = YEARLY,
    *,
    name: str = "it",
    remaining_runs: int | None = None,
    **policies: Any,
) -> AsyncIterator[Scheduled]:
    """Keep a schedule for as long as the block lasts."""
    stored = StoredSchedule(
        tenant=TENANT,
        schedule_id=name,
        uid=uuid.uuid4(),
        revision=uuid.uuid4(),
        job=job,
        when=when.model_dump(mode="json", exclude_defaults=True),
        fingerprint="",
    )
    at = Address(house.client, house.queue, TENANT)
    await schedules.create(
        at, stored, Policies(**policies), note=None, paused=False, remaining_runs=remaining_runs
    )
    try:
        yield Scheduled(house, stored, at)
    finally:
        await schedules.delete(at, name)


async def _ran(house: Installation, job: ScheduledJob) -> str:
    """Run a schedule's job once and return the id of the run."""
    async with scheduled(house, job) as it:
        await it.trigger()
        await it.closed_as()
        return (await it.runs())[0]


async def _canceled(house: Installation) -> str:
    """Cancel a run in Temporal while its job goes on."""
    async with scheduled(house, WAITING, name="canceled") as it:
        await it.trigger()
        await it.have("running")
        [run] = await it.runs()
        await house.client.get_workflow_handle(run).cancel()
        await it.closed_as()
        return run


async def _found_running(house: Installation) -> str:
    """Let a run find its job started by somebody else, and cancel the run."""
    async with scheduled(house, WAITING, HOURLY, name="found") as it:
        due = await it.started_before()
        await schedules.backfill(it.at, "found", [(due, due)], Overlap.SKIP, key=None)
        [run] = await eventually(it.runs)
        await eventually(lambda: pending_activities(house, run))
        await house.client.get_workflow_handle(run).cancel()
        await it.closed_as()
        return run


RUNS: dict[str, Callable[[Installation], Awaitable[str]]] = {
    "succeeded": partial(_ran, job=QUIET),
    "failed": partial(_ran, job=FAILING),
    "broken": partial(_ran, job=ScheduledJob(type="was_once", payload={})),
    "canceled": _canceled,
    "found_running": _found_running,
}
"""Runs of a schedule whose histories are kept; each returns the id of its workflow."""


async def turned(house: Installation) -> str:
    """Have maintenance take a turn that ends at once; return the id of its workflow."""
    name = f"{house.queue}-turn"
    turn, maintenance.TURN = maintenance.TURN, timedelta(0)
    try:
        await house.client.execute_workflow("maintenance", id=name, task_queue=house.queue)
    finally:
        maintenance.TURN = turn
    return name
