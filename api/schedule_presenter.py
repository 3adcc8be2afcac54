"""Turns schedules into replies."""

from collections.abc import Sequence
from dataclasses import dataclass

from api import scheduling
from api.presenter import Presenter, cost_view, failure_view
from api.schedule_views import RunView, ScheduleCounts, ScheduleLinks, ScheduleView
from jobs.schedules.model import SCHEDULE_LABEL, TIME_LABEL
from storage import schedule_runs
from storage.jobs import JobRow
from storage.schedule_shapes import when_of
from storage.schedules import Described

LAST_RUNS = 5


@dataclass(frozen=True)
class SchedulePresenter:
    """Makes replies of schedules and their jobs."""

    presenter: Presenter

    @property
    def prefix(self) -> str:
        """What every link begins with."""
        return self.presenter.prefix

    async def one(self, found: Described) -> ScheduleView:
        """Present a schedule."""
        [view] = await self.many([found])
        return view

    async def many(self, found: Sequence[Described]) -> list[ScheduleView]:
        """Present schedules; the jobs of all of them are looked up at once."""
        if not found:
            return []
        ids = [each.stored.schedule_id for each in found]
        db, tenant = self.presenter.gateway.db, found[0].stored.tenant
        runs = await schedule_runs.latest(db, tenant, ids, each=LAST_RUNS)
        return [self._view(each, runs[each.stored.schedule_id]) for each in found]

    def _view(self, found: Described, runs: Sequence[JobRow]) -> ScheduleView:
        stored, policies = found.stored, found.policies
        return ScheduleView(
            schedule_id=stored.schedule_id,
            job=stored.job,
            when=when_of(stored),
            overlap=policies.overlap,
            catch_up_seconds=policies.catch_up_seconds,
            pause_on_failure=policies.pause_on_failure,
            remaining_runs=found.remaining_runs,
            paused=found.paused,
            note=found.note,
            next_runs=list(found.next_runs),
            last_runs=[_run(each) for each in runs],
            counts=ScheduleCounts(
                started=found.started,
                missed=found.missed,
                skipped=found.skipped,
                waiting=found.waiting,
            ),
            created_at=found.created_at,
            updated_at=found.updated_at,
            links=self._links(found),
        )

    def _links(self, found: Described) -> ScheduleLinks:
        gateway, name = self.presenter.gateway, found.stored.schedule_id
        path = f"{self.prefix}/api/schedules/{name}"
        known = scheduling.address(gateway, found.stored.tenant).id_of(name)
        return ScheduleLinks(
            self=path,
            jobs=f"{self.prefix}/api/jobs?label.{SCHEDULE_LABEL}={name}",
            pause=f"{path}/pause",
            resume=f"{path}/resume",
            trigger=f"{path}/trigger",
            backfill=f"{path}/backfill",
            preview=f"{path}/preview",
            temporal_ui=gateway.in_temporal_ui("schedules", known),
        )


def _run(row: JobRow) -> RunView:
    return RunView(
        job_id=row.id,
        status=row.status,
        scheduled_at=row.labels.get(TIME_LABEL),
        started_at=row.started_at,
        completed_at=row.completed_at,
        error=failure_view(row),
        cost=cost_view(row.cost),
    )
