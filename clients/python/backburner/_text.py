"""Text that people read: durations, sizes, times, prices."""

from datetime import datetime, timedelta
from decimal import Decimal

_TENTH_OF_A_CENT = Decimal("0.001")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def plain(text: str) -> str:
    """Return text from outside without control characters, which could drive the terminal."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )


def duration(time: timedelta) -> str:
    """Return a duration in its largest unit: `3 min`, `40 s`."""
    seconds = max(0, round(time.total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def size(count: int) -> str:
    """Return a number of bytes in a readable unit: `12.3 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"


def local_time(at: datetime | None) -> str:
    """Return a time in the local zone, empty when there is none."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else ""


def price(usd: Decimal | None, *, unpriced_responses: int = 0) -> str:
    """Return a price; one that is only a lower bound says so, an unknown one is not zero."""
    if usd is None:
        return "unknown" if unpriced_responses else ""
    # Four decimals, and two digits of less than a tenth of a cent.
    decimals = 4 if usd == 0 or usd >= _TENTH_OF_A_CENT else 1 - usd.adjusted()
    bound = "at least " if unpriced_responses else ""
    return f"{bound}${usd:.{decimals}f}"
