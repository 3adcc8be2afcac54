"""Making schedules on a real server, and looking at the jobs they start."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobs.schedules.model import Overlap, Policies, ScheduledJob, StoredSchedule, When
from storage import schedule_runs, schedules
from storage.jobs import JobRow
from storage.schedules import Address, Described
from tests.installation import TENANT, Installation, eventually

YEARLY = When(cron=["0 0 1 1 *"])
"""Never in a test: its runs are triggered."""

WAITING = ScheduledJob(type="test_approvals", payload={"prompts": []})
QUIET = ScheduledJob(type="test_quiet", payload={})


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
        second = await eventually(_second, lambda now: now not in self._triggered)
        self._triggered.add(second)
        await schedules.trigger(self.at, self.stored.schedule_id, overlap, key=key)

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
