"""What replies about schedules look like."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from api.problems import JobFailureView
from api.views import JOB_ID, CostView
from jobs.schedules.model import Overlap, ScheduledJob, When
from jobs.status import JobStatus
from jobs.values import JobId

_PATH = "/api/schedules/daily-report"


class ScheduleLinks(BaseModel):
    """Where to go from here."""

    self: str
    jobs: str = Field(description="Every job it has started.")
    pause: str
    resume: str
    trigger: str
    backfill: str
    preview: str
    temporal_ui: str | None = None


class RunView(BaseModel):
    """A job that the schedule started."""

    job_id: JobId
    status: JobStatus
    scheduled_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    error: JobFailureView | None
    cost: CostView


class ScheduleCounts(BaseModel):
    """What became of the times that were due."""

    started: int = Field(description="Runs begun, backfills and runs by hand included.")
    missed: int = Field(description="Left out: Temporal was down for longer than the window.")
    skipped: int = Field(description="Left out: an earlier run went on.")
    waiting: int = Field(description="Waiting for an earlier run to end.")


_EXAMPLE: dict[str, Any] = {
    "schedule_id": "daily-report",
    "job": {
        "type": "generate_report",
        "payload": {"topic": "Support tickets of yesterday"},
        "options": {},
        "labels": {"team": "support"},
    },
    "when": {"cron": ["0 9 * * *"], "time_zone": "Europe/Berlin"},
    "overlap": "skip",
    "catch_up_seconds": 3600,
    "pause_on_failure": False,
    "remaining_runs": None,
    "paused": False,
    "note": None,
    "next_runs": ["2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"],
    "last_runs": [
        {
            "job_id": JOB_ID,
            "status": "succeeded",
            "scheduled_at": "2026-11-22T08:00:00Z",
            "started_at": "2026-11-22T08:00:01Z",
            "completed_at": "2026-11-22T08:02:40Z",
            "error": None,
            "cost": {
                "usd": "0.01231",
                "input_tokens": 4200,
                "cached_tokens": 0,
                "cache_write_tokens": 0,
                "output_tokens": 1900,
                "reasoning_tokens": 240,
                "responses": 6,
                "unpriced_responses": 0,
            },
        }
    ],
    "counts": {"started": 12, "missed": 0, "skipped": 0, "waiting": 0},
    "created_at": "2026-11-10T10:00:00Z",
    "updated_at": None,
    "links": {
        "self": _PATH,
        "jobs": "/api/jobs?label.backburner.schedule=daily-report",
        "pause": f"{_PATH}/pause",
        "resume": f"{_PATH}/resume",
        "trigger": f"{_PATH}/trigger",
        "backfill": f"{_PATH}/backfill",
        "preview": f"{_PATH}/preview",
        "temporal_ui": None,
    },
}


class ScheduleView(BaseModel):
    """A schedule, its next runs, and what became of the last ones."""

    schedule_id: str
    job: ScheduledJob
    when: When
    overlap: Overlap
    catch_up_seconds: int
    pause_on_failure: bool
    remaining_runs: int | None
    paused: bool
    note: str | None = Field(description="Why it was paused or resumed; Temporal's own too.")
    next_runs: list[datetime] = Field(
        description="Jitter included; up to ten. Empty while it is paused."
    )
    last_runs: list[RunView] = Field(description="Newest first; up to five.")
    counts: ScheduleCounts
    created_at: datetime
    updated_at: datetime | None
    links: ScheduleLinks

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}


class SchedulePage(BaseModel):
    """Schedules, newest first."""

    schedules: list[ScheduleView]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class PlannedRun(BaseModel):
    """A time at which a schedule runs, jitter left out."""

    at: datetime = Field(examples=["2026-11-23T08:00:00Z"])
    local: str = Field(
        description="The same in the schedule's time zone.", examples=["2026-11-23T09:00:00+01:00"]
    )


class Preview(BaseModel):
    """The next runs; fewer than asked for when there are no more."""

    time_zone: str
    runs: list[PlannedRun]


class BackfillAccepted(BaseModel):
    """A backfill that Temporal has taken over."""

    schedule_id: str
    times: int = Field(description="Times in the span; those that have a job already are skipped.")
