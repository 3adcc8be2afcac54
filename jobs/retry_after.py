"""Reads the header with which servers put others off."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(retry_after: str, now: datetime) -> float:
    """Read a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3).

    Returns:
        Seconds from `now` on; may be negative, infinite or not a number.

    Raises:
        ValueError: It is neither.
    """
    try:
        return float(retry_after)
    except ValueError:
        moment = _date(retry_after)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()


def _date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except OverflowError as error:
        raise ValueError(f"no calendar has the date {text!r}") from error
