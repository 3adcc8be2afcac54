"""Cron expressions, read into the ranges that Temporal's calendars consist of.

The meaning is Temporal's: all fields must match, day of month *and* day of week included, which
differs from Unix's cron.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
SUNDAY_TOO = 7
"""Cron's second name for Sunday."""

LAST_YEAR = 2100
"""Temporal looks no further."""

SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Range(NamedTuple):
    """Values from `start` to `end`, both included, `step` apart."""

    start: int
    end: int
    step: int = 1


class Kind(NamedTuple):
    """One field of a calendar: its bounds and the names its values have."""

    title: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


KINDS = {
    "second": Kind("second", 0, 59),
    "minute": Kind("minute", 0, 59),
    "hour": Kind("hour", 0, 23),
    "day_of_month": Kind("day of month", 1, 31),
    "month": Kind("month", 1, 12, MONTHS),
    "day_of_week": Kind("day of week", 0, SUNDAY_TOO, DAYS),
    "year": Kind("year", 2000, LAST_YEAR),
}

FIVE = ("minute", "hour", "day_of_month", "month", "day_of_week")
LAYOUTS = {5: FIVE, 6: (*FIVE, "year"), 7: ("second", *FIVE, "year")}
"""What the fields of a cron expression are, by their number."""

EVERY_DAY = {"day_of_month": "*", "month": "*", "day_of_week": "*", "year": "*"}
"""What a calendar means that leaves fields out; its time of day is midnight."""


class BadCalendar(ValueError):
    """A cron expression or a field of it cannot be read; the text is for people."""


@dataclass(frozen=True)
class Calendar:
    """Moments of local time; each field is a union of ranges, an empty year means all years."""

    second: tuple[Range, ...]
    minute: tuple[Range, ...]
    hour: tuple[Range, ...]
    day_of_month: tuple[Range, ...]
    month: tuple[Range, ...]
    day_of_week: tuple[Range, ...]
    year: tuple[Range, ...] = ()
    comment: str = field(default="", compare=False)

    @cached_property
    def seconds(self) -> tuple[int, ...]:
        """The seconds that match, in order."""
        return values_of(self.second)

    @cached_property
    def minutes(self) -> tuple[int, ...]:
        """The minutes that match, in order."""
        return values_of(self.minute)

    @cached_property
    def hours(self) -> tuple[int, ...]:
        """The hours that match, in order."""
        return values_of(self.hour)

    @cached_property
    def _dates(self) -> tuple[frozenset[int], ...]:
        fields = (self.day_of_month, self.month, self.day_of_week, self.year)
        return tuple(frozenset(values_of(each)) for each in fields)

    def has_date(self, day: datetime) -> bool:
        """Tell whether a day matches, whatever the time."""
        days, months, weekdays, years = self._dates
        return (
            day.month in months
            and day.day in days
            and day.isoweekday() % SUNDAY_TOO in weekdays
            and (not years or day.year in years)
        )

    def has_month(self, year: int, month: int) -> bool:
        """Tell whether any day of a month may match."""
        _, months, _, years = self._dates
        return month in months and (not years or year in years)

    def has(self, local: datetime) -> bool:
        """Tell whether a local time matches."""
        return (
            self.has_date(local)
            and local.hour in self.hours
            and local.minute in self.minutes
            and local.second in self.seconds
        )


def from_cron(text: str) -> Calendar:
    """Read a cron expression of 5, 6 (with year) or 7 (with second) fields, or a shorthand.

    Raises:
        BadCalendar: It cannot be read.
    """
    words = SHORTHANDS.get(text.strip().lower(), text).split()
    if words and words[0].startswith("@"):
        known = ", ".join(SHORTHANDS)
        raise BadCalendar(f"{words[0]!r} is none of {known}; use `intervals` for periods")
    if words and "TZ=" in words[0]:
        raise BadCalendar("the time zone belongs into `time_zone`")
    if len(words) not in LAYOUTS:
        raise BadCalendar(f"a cron expression has 5, 6 or 7 fields, not {len(words)}")
    return from_fields(dict(zip(LAYOUTS[len(words)], words, strict=True)), comment=text)


def from_fields(fields: dict[str, str], *, comment: str = "") -> Calendar:
    """Read a calendar from its fields; a missing time is 0, a missing date means every one.

    Raises:
        BadCalendar: A field cannot be read.
    """
    texts = {"second": "0", "minute": "0", "hour": "0", **EVERY_DAY, **fields}
    return Calendar(
        **{name: read_field(name, text) for name, text in texts.items()}, comment=comment
    )


def read_field(name: str, text: str) -> tuple[Range, ...]:
    """Read one field: `*`, a value, `from-to`, each perhaps with `/step`, separated by commas.

    Raises:
        BadCalendar: It cannot be read.
    """
    kind = KINDS[name]
    if name == "year" and text == "*":
        return ()
    ranges = tuple(_part(kind, part) for part in text.split(","))
    if name != "day_of_week":
        return ranges
    days = sorted({value % SUNDAY_TOO for value in values_of(ranges)})
    return tuple(Range(day, day) for day in days)


def values_of(ranges: tuple[Range, ...]) -> tuple[int, ...]:
    """Return every value of some ranges, in order."""
    return tuple(sorted({value for each in ranges for value in _values(each)}))


def _values(each: Range) -> Iterator[int]:
    yield from range(each.start, each.end + 1, each.step)


def _part(kind: Kind, text: str) -> Range:
    span, slash, step_text = text.partition("/")
    step = _number(kind, step_text, 1, kind.highest) if slash else 1
    if span == "*":
        return Range(kind.lowest, kind.highest, step)
    first, dash, last = span.partition("-")
    start = _value(kind, first)
    if dash:
        end = _value(kind, last)
        if end < start:
            raise BadCalendar(f"{kind.title}: {span!r} ends before it begins")
        return Range(start, end, step)
    # As in Temporal, `5/15` begins at 5 and goes on to the end.
    return Range(start, kind.highest if slash else start, step)


def _value(kind: Kind, text: str) -> int:
    name = text.lower()
    for index, full in enumerate(kind.names):
        if name in (full, full[:3]):
            return index + kind.lowest
    return _number(kind, text, kind.lowest, kind.highest)


def _number(kind: Kind, text: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdecimal()):
        hint = "; write `*`" if text == "?" else _names(kind)
        raise BadCalendar(f"{kind.title}: {text!r} is no value{hint}")
    number = int(text) if len(text) < len("10000") else highest + 1
    if not lowest <= number <= highest:
        raise BadCalendar(f"{kind.title}: {text} is not between {lowest} and {highest}")
    return number


def _names(kind: Kind) -> str:
    if kind.names:
        return f"; names are {', '.join(name[:3] for name in kind.names)}"
    return ""
