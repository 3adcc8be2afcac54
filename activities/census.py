"""Counts what only the record knows, once for the whole installation: maintenance calls it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from opentelemetry.metrics import CallbackOptions, Observation

from storage import delivery_log, job_lists
from storage.database import Database
from telemetry import instruments


@dataclass
class Census:
    """How many jobs and deliveries are open, and how long the jobs that started had waited.

    Maintenance runs in one worker at a time. That worker shows the counts, and stops to when its
    turn is over, so that no two show them for long.
    """

    db: Database
    _open: dict[tuple[str, str], int] = field(default_factory=dict)
    _deliveries: dict[str, int] = field(default_factory=dict)
    _endpoints: dict[str, int] = field(default_factory=dict)
    _seen: datetime | None = None

    def __post_init__(self) -> None:
        instruments.METER.create_observable_gauge(
            "backburner_jobs_open",
            [self._observe],
            description="Jobs that have not ended, by type and status; one worker at a time tells",
        )
        instruments.METER.create_observable_gauge(
            "backburner_deliveries_open",
            [lambda _: _observed(self._deliveries, "status")],
            description="Deliveries that have not ended, by status; one worker at a time tells",
        )
        instruments.METER.create_observable_gauge(
            "backburner_endpoints",
            [lambda _: _observed(self._endpoints, "state")],
            description="Endpoints of callbacks, by state; one worker at a time tells",
        )

    async def take(self) -> None:
        """Count once."""
        self._open = await job_lists.open_counts(self.db)
        self._deliveries = await delivery_log.open_counts(self.db)
        self._endpoints = await delivery_log.endpoint_counts(self.db)
        started, self._seen = await job_lists.queued_since(self.db, self._seen)
        for job_type, seconds in started:
            instruments.JOB_QUEUE_LATENCY.record(seconds, {"type": job_type})

    def close(self) -> None:
        """Show nothing until the next count."""
        self._open, self._deliveries, self._endpoints, self._seen = {}, {}, {}, None

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        for (job_type, status), count in self._open.items():
            yield Observation(count, {"type": job_type, "status": status})


def _observed(counts: dict[str, int], attribute: str) -> Iterable[Observation]:
    return [Observation(count, {attribute: name}) for name, count in counts.items()]
