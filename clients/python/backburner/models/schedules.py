"""Schedules: jobs that are submitted again and again."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from backburner.models.base import Choices, Reply
from backburner.models.jobs import Cost, Failure, JobStatus


class Overlap(StrEnum):
    """What happens when a run is due while the job of an earlier one goes on."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"


class Interval(Choices):
    """A period, counted from 1970-01-01T00:00:00Z and not from the schedule's creation.

    Attributes:
        every_seconds: Its length.
        offset_seconds: Shifts it: an hour with an offset of 600 runs ten minutes past each hour.
    """

    every_seconds: int
    offset_seconds: int = 0


class CalendarFields(Choices):
    """Times by named fields, each one written as in cron. All of them must match."""

    second: str = "0"
    minute: str = "0"
    hour: str = "0"
    day_of_month: str = "*"
    month: str = "*"
    day_of_week: str = "*"
    year: str = "*"


class When(Choices):
    """When a schedule runs: the union of its cron expressions, intervals and calendars.

    Attributes:
        cron: Expressions of 5, 6 (with year) or 7 (with second first) fields, or `@daily` and
            the like. One may stand alone, without a list.
        intervals: Periods.
        calendars: The same as cron, with named fields.
        skip: What is left out, whatever else matches: holidays, for example.
        time_zone: An IANA name; cron, calendars and skip are in its local time.
        jitter_seconds: Each run is late by a random time up to this, never past the next one.
        start_at: Nothing runs before.
        end_at: Nothing runs after.
    """

    cron: list[str] | str = []
    intervals: list[Interval] = []
    calendars: list[CalendarFields] = []
    skip: list[CalendarFields] = []
    time_zone: str = "UTC"
    jitter_seconds: int = 0
    start_at: datetime | None = None
    end_at: datetime | None = None


class Run(Reply):
    """A job that a schedule started."""

    job_id: UUID
    status: JobStatus
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: Failure | None = None
    cost: Cost = Cost()


class RunCounts(Reply):
    """What became of the times that were due.

    Attributes:
        started: Runs begun, backfills and runs by hand included.
        missed: Left out, since Temporal was down for longer than the catch-up window.
        skipped: Left out, since an earlier run went on.
        waiting: Waiting for an earlier run to end.
    """

    started: int = 0
    missed: int = 0
    skipped: int = 0
    waiting: int = 0


class Schedule(Reply):
    """A schedule, its next runs and the last ones.

    Attributes:
        job: Type, payload, options and labels of what is submitted each time.
        when: The times, as they were given.
        remaining_runs: Runs left; None when they are not counted.
        next_runs: Empty while it is paused.
        last_runs: Newest first.
    """

    schedule_id: str
    job: dict[str, Any]
    when: dict[str, Any]
    overlap: str
    catch_up_seconds: int
    pause_on_failure: bool = False
    remaining_runs: int | None = None
    paused: bool = False
    note: str | None = None
    next_runs: list[datetime] = []
    last_runs: list[Run] = []
    counts: RunCounts = RunCounts()
    created_at: datetime | None = None
    updated_at: datetime | None = None


class PlannedRun(Reply):
    """A time at which a schedule runs; `local` is the same in its time zone."""

    at: datetime
    local: str


class Preview(Reply):
    """The next runs of a schedule, jitter left out."""

    time_zone: str
    runs: list[PlannedRun]
