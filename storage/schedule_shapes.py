"""Schedules in Temporal's words and back."""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import ScheduleOverlapPolicy as ProtoOverlap
from temporalio.api.schedule.v1 import BackfillRequest, TriggerImmediatelyRequest
from temporalio.client import (
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.common import Priority

from jobs.schedules.calendars import Calendar, Range
from jobs.schedules.model import Overlap, Policies, StoredSchedule, When

WORKFLOW = "scheduled_job"
"""Name of the workflow that a schedule starts; it opens a job and waits for its end."""

_OVERLAPS = {each: ScheduleOverlapPolicy[each.name] for each in Overlap}
_OURS = {theirs: ours for ours, theirs in _OVERLAPS.items()}


def when_of(stored: StoredSchedule) -> When:
    """Read when a stored schedule runs; what a newer version wrote is left out."""
    return When.model_validate(stored.when, extra="ignore")


def priority(stored: StoredSchedule) -> Priority:
    """Return the priority of a schedule's runs, which their jobs inherit."""
    return Priority(priority_key=stored.job.options.priority, fairness_key=stored.tenant)


def spec(stored: StoredSchedule) -> ScheduleSpec:
    """Say in Temporal's words when a schedule runs."""
    when = when_of(stored)
    return ScheduleSpec(
        calendars=[_calendar(each) for each in when.calendars_meant],
        intervals=[
            ScheduleIntervalSpec(
                every=timedelta(seconds=each.every_seconds),
                offset=timedelta(seconds=each.offset_seconds),
            )
            for each in when.intervals
        ],
        skip=[_calendar(each.calendar()) for each in when.skip],
        start_at=_utc(when.start_at),
        end_at=_utc(when.end_at),
        jitter=timedelta(seconds=when.jitter_seconds) if when.jitter_seconds else None,
        time_zone_name=when.time_zone,
    )


def policy(policies: Policies) -> SchedulePolicy:
    """Say policies in Temporal's words."""
    return SchedulePolicy(
        overlap=_OVERLAPS[policies.overlap],
        catchup_window=timedelta(seconds=policies.catch_up_seconds),
        pause_on_failure=policies.pause_on_failure,
    )


def policies(policy: SchedulePolicy) -> Policies:
    """Read Temporal's policies, which an operator may have set to what we would refuse."""
    return Policies.model_construct(
        overlap=_OURS[policy.overlap],
        catch_up_seconds=round((policy.catchup_window or timedelta(0)).total_seconds()),
        pause_on_failure=policy.pause_on_failure,
    )


def trigger(overlap: Overlap | None) -> TriggerImmediatelyRequest:
    """Ask for a run now; None takes the schedule's own policy."""
    chosen = _OVERLAPS[overlap] if overlap else 0
    return TriggerImmediatelyRequest(overlap_policy=ProtoOverlap.ValueType(chosen))


def backfill(start_at: datetime, end_at: datetime, overlap: Overlap) -> BackfillRequest:
    """Ask for the runs of a span of time, both ends included."""
    request = BackfillRequest(overlap_policy=ProtoOverlap.ValueType(_OVERLAPS[overlap]))
    request.start_time.FromDatetime(start_at.astimezone(UTC))
    request.end_time.FromDatetime(end_at.astimezone(UTC))
    return request


def _calendar(calendar: Calendar) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        second=_ranges(calendar.second),
        minute=_ranges(calendar.minute),
        hour=_ranges(calendar.hour),
        day_of_month=_ranges(calendar.day_of_month),
        month=_ranges(calendar.month),
        day_of_week=_ranges(calendar.day_of_week),
        year=_ranges(calendar.year),
        comment=calendar.comment or None,
    )


def _ranges(ranges: tuple[Range, ...]) -> tuple[ScheduleRange, ...]:
    return tuple(ScheduleRange(*each) for each in ranges)


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC)
