"""What a schedule consists of, as clients write it and as Temporal keeps it."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from jobs.ids import MILLISECOND_BITS, as_uuid7
from jobs.notifications import Notice
from jobs.options import JobOptions, KeptJobOptions
from jobs.schedules import times
from jobs.schedules.calendars import BadCalendar, Calendar, from_cron, from_fields, read_field
from jobs.values import JobId, Strict, Tenant, Value

DAY_SECONDS = 24 * 3600
YEAR_SECONDS = 366 * DAY_SECONDS
MOST = 20
"""Cron expressions, intervals or calendars in one schedule."""

MOST_SKIPPED = 50_000
"""Moments that are looked at in vain: five years of hours, a month of minutes."""

SCHEDULE_LABEL, TIME_LABEL = "backburner.schedule", "backburner.scheduled_at"
"""Labels that a schedule's jobs carry; clients cannot set labels that begin like these."""

RESERVED = "backburner."


class TooMuchSkipped(ValueError):
    """Hardly anything is left of a schedule's times by what it skips; the text is for people."""


class Overlap(StrEnum):
    """What happens when a run is due while the job of an earlier one goes on."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"


def _cron(text: str) -> str:
    try:
        from_cron(text)
    except BadCalendar as error:
        raise PydanticCustomError("cron", "{reason}", {"reason": str(error)}) from error
    return text


def _field(name: str) -> Any:
    def check(text: str) -> str:
        try:
            read_field(name, text.replace(" ", ""))
        except BadCalendar as error:
            raise PydanticCustomError("calendar", "{reason}", {"reason": str(error)}) from error
        return text

    return AfterValidator(check)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        reason = f"no time zone {name!r}; write an IANA name such as Europe/Berlin"
        raise PydanticCustomError("time_zone", "{reason}", {"reason": reason}) from error
    return name


def _countable(moment: datetime) -> datetime:
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("time", "out of range") from error
    if moment < times.EPOCH:
        raise PydanticCustomError("time", "times begin in 1970")
    return moment


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Text = Annotated[str, Field(min_length=1, max_length=200)]
Cron = Annotated[_Text, AfterValidator(_cron)]
TimeZone = Annotated[str, Field(max_length=100), AfterValidator(_zone)]
Time = Annotated[AwareDatetime, AfterValidator(_countable)]
"""A time with its zone that one can reckon with."""


class Interval(Strict):
    """A period, counted from 1970-01-01T00:00:00Z and not from the schedule's creation.

    Attributes:
        every_seconds: Its length.
        offset_seconds: Shifts it: an hour with an offset of 600 runs ten minutes past each hour.
    """

    every_seconds: int = Field(ge=1, le=YEAR_SECONDS, examples=[300])
    offset_seconds: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _offset_within(self) -> Self:
        if self.offset_seconds >= self.every_seconds:
            raise PydanticCustomError("offset", "offset_seconds must be less than every_seconds")
        return self


class CalendarFields(Strict):
    """Moments by named fields, each one written as in cron. All of them must match."""

    second: Annotated[_Text, _field("second")] = "0"
    minute: Annotated[_Text, _field("minute")] = "0"
    hour: Annotated[_Text, _field("hour")] = "0"
    day_of_month: Annotated[_Text, _field("day_of_month")] = "*"
    month: Annotated[_Text, _field("month")] = "*"
    day_of_week: Annotated[_Text, _field("day_of_week")] = "*"
    year: Annotated[_Text, _field("year")] = "*"

    def calendar(self) -> Calendar:
        """Return what the fields mean."""
        return from_fields({name: text.replace(" ", "") for name, text in self})


class When(Strict):
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

    cron: Annotated[list[Cron], BeforeValidator(_listed), Field(max_length=MOST)] = []
    intervals: list[Interval] = Field(default=[], max_length=MOST)
    calendars: list[CalendarFields] = Field(default=[], max_length=MOST)
    skip: list[CalendarFields] = Field(default=[], max_length=MOST)
    time_zone: TimeZone = "UTC"
    jitter_seconds: int = Field(default=0, ge=0, le=DAY_SECONDS)
    start_at: Time | None = None
    end_at: Time | None = None

    @model_validator(mode="after")
    def _has_runs(self) -> Self:
        if not (self.cron or self.intervals or self.calendars):
            raise PydanticCustomError("when", "give at least one of cron, intervals, calendars")
        if self.start_at and self.end_at and self.end_at < self.start_at:
            raise PydanticCustomError("when", "end_at lies before start_at")
        return self

    @property
    def calendars_meant(self) -> list[Calendar]:
        """Cron expressions and calendars, read."""
        return [*map(from_cron, self.cron), *(each.calendar() for each in self.calendars)]

    def moments(self, after: datetime) -> Iterator[datetime]:
        """Yield the moments later than one, in order and in UTC, without jitter.

        Raises:
            TooMuchSkipped: Nobody looks through so much of what is skipped.
        """
        zone = ZoneInfo(self.time_zone)
        if self.start_at:
            after = max(after, self.start_at - timedelta(microseconds=1))
        after = after.astimezone(UTC)
        if after >= times.END:
            return
        sources = [times.of_calendar(each, zone, after) for each in self.calendars_meant]
        for each in self.intervals:
            every, offset = each.every_seconds, each.offset_seconds
            sources.append(
                times.of_interval(timedelta(seconds=every), timedelta(seconds=offset), after)
            )
        skips, skipped = [each.calendar() for each in self.skip], 0
        for moment in times.union(sources):
            if self.end_at and moment > self.end_at:
                return
            if not any(each.has(moment.astimezone(zone)) for each in skips):
                yield moment
            elif (skipped := skipped + 1) > MOST_SKIPPED:
                raise TooMuchSkipped(f"leaves out more than {MOST_SKIPPED} times on the way")


class ScheduledJob(Value):
    """The job that each run submits.

    Attributes:
        type: Name of the job type.
        payload: What it works on, the same each time.
        options: Choices such as model and deadline.
        labels: The client's own labels.
        callback_url: Whom to tell of the end of each job.
        notify: Which people to tell of each job, and of what.
    """

    type: str
    payload: dict[str, Any]
    options: KeptJobOptions = JobOptions()
    labels: dict[str, str] = {}
    callback_url: str | None = None
    notify: tuple[Notice, ...] = ()


class Policies(Strict):
    """What a schedule does when things do not go as planned.

    Attributes:
        overlap: What happens when a run is due while the job of an earlier one goes on.
        catch_up_seconds: A run missed because Temporal was down still happens when it comes
            back within this time; later ones are left out.
        pause_on_failure: Whether the schedule pauses itself when one of its jobs fails.
    """

    overlap: Overlap = Overlap.SKIP
    catch_up_seconds: int = Field(default=3600, ge=10, le=YEAR_SECONDS)
    pause_on_failure: bool = False


class StoredSchedule(Value):
    """What Temporal keeps with a schedule and hands to each of its runs.

    Attributes:
        schedule_id: The name that its tenant knows.
        uid: New with each creation, so that a schedule made anew under an old name has own jobs.
        revision: New with each change.
        job: What to run.
        when: When, as the client wrote it; Temporal itself keeps only what it means.
        fingerprint: Of the request that created it.
        idempotency_key: Of the request that created it.
    """

    tenant: Tenant
    schedule_id: str
    uid: UUID
    revision: UUID
    job: ScheduledJob
    when: dict[str, Any]
    fingerprint: str
    idempotency_key: str | None = None

    def job_id(self, scheduled_at: datetime) -> JobId:
        """Return the id of the job of one scheduled time: always the same one."""
        seconds = int(scheduled_at.timestamp())
        digest = hashlib.sha256(f"{self.uid} {seconds}".encode()).digest()
        tail = int.from_bytes(digest) % (1 << MILLISECOND_BITS)
        return JobId(as_uuid7(seconds * 1000 << MILLISECOND_BITS | tail))
