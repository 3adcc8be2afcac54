"""The moments a schedule means, computed as Temporal documents it.

Clock times are taken literally: one that a change to summer time skips does not happen that day,
one that the change back repeats happens twice. In that one hour of the year, and the one after it,
Temporal's server may decide otherwise; everywhere else a test compares the two.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from jobs.schedules.calendars import LAST_YEAR, Calendar

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)


def of_interval(every: timedelta, offset: timedelta, after: datetime) -> Iterator[datetime]:
    """Yield the moments of a period counted from 1970, those later than a moment."""
    periods = (after - EPOCH - offset) // every + 1
    moment = EPOCH + offset + periods * every
    while moment < END:
        yield moment
        moment += every


def of_calendar(calendar: Calendar, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the moments of a calendar in a time zone, those later than one in UTC, in order."""
    # A day earlier, since the second pass through a repeated hour belongs to the day of the first.
    day = (after.astimezone(zone) - DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    day = day.replace(tzinfo=None)
    while day.year <= LAST_YEAR:
        if not calendar.has_month(day.year, day.month):
            day = _next_month(day)
            continue
        if calendar.has_date(day):
            yield from (each for each in _of_day(calendar, zone, day, after) if each > after)
        day += DAY


def union(sources: Sequence[Iterator[datetime]]) -> Iterator[datetime]:
    """Yield the moments of several sources in order, each one once."""
    for moment, _ in groupby(heapq.merge(*sources)):
        yield moment


def _of_day(
    calendar: Calendar, zone: ZoneInfo, day: datetime, after: datetime
) -> Iterator[datetime]:
    """Yield a day's moments in order of UTC, perhaps some that are not later than a moment."""
    offsets = {_offset(day.replace(tzinfo=zone)), _offset((day + DAY).replace(tzinfo=zone, fold=1))}
    times = partial(_clock_times, calendar, day, after.replace(tzinfo=None) + min(offsets))
    if len(offsets) == 1:
        yield from (each.replace(tzinfo=zone).astimezone(UTC) for each in times())
        return
    # The clock is changed on this day: some times happen twice, others never.
    yield from union([_existing(times(), zone, fold) for fold in (0, 1)])


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta(0)


def _clock_times(calendar: Calendar, day: datetime, after: datetime) -> Iterator[datetime]:
    """Yield a day's clock times, but not the hours and minutes that end before one."""
    for hour in calendar.hours:
        if day.replace(hour=hour) + HOUR <= after:
            continue
        for minute in calendar.minutes:
            if day.replace(hour=hour, minute=minute) + MINUTE <= after:
                continue
            for second in calendar.seconds:
                yield day.replace(hour=hour, minute=minute, second=second)


def _existing(times: Iterator[datetime], zone: ZoneInfo, fold: int) -> Iterator[datetime]:
    """Yield the moments of clock times, those left out that the clock skips."""
    for each in times:
        moment = each.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == each:
            yield moment


def _next_month(day: datetime) -> datetime:
    if day.month == 12:
        return day.replace(year=day.year + 1, month=1, day=1)
    return day.replace(month=day.month + 1, day=1)
