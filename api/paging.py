"""Keyset pages: opaque cursors, the `Link` header, and refused query parameters."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from pydantic import AfterValidator, AwareDatetime

from jobs.errors import InvalidRequest

LONGEST_CURSOR = 200

LimitIn = Annotated[int, Query(ge=1, le=100, description="Entries per page.")]
CursorIn = Annotated[
    str | None,
    Query(description="`next` of the previous page.", max_length=LONGEST_CURSOR),
]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, brought to UTC."""


def to_cursor(created_at: datetime, row_id: UUID) -> str:
    """Name the place behind a row."""
    place = json.dumps([created_at.isoformat(), str(row_id)], separators=(",", ":"))
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Find the place a cursor names; None is the beginning.

    Raises:
        InvalidRequest: No page ever ended with this cursor.
    """
    if cursor is None:
        return None
    try:
        moment, row_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = _in_utc(datetime.fromisoformat(moment)), UUID(row_id)
    except (ValueError, TypeError, AttributeError, RecursionError):
        mistake = {"parameter": "cursor", "detail": "not a cursor of ours"}
        raise InvalidRequest("the cursor is malformed", errors=[mistake]) from None
    return place


def refuse_unknown(request: Request, known: Callable[[str], bool]) -> None:
    """Refuse query parameters nobody reads: a misspelt filter would return everything.

    Raises:
        InvalidRequest: Some parameter is not known.
    """
    unknown = sorted({name for name in request.query_params if not known(name)})
    if unknown:
        mistakes = [{"parameter": name, "detail": "unknown parameter"} for name in unknown]
        raise InvalidRequest(f"unknown query parameter {unknown[0]!r}", errors=mistakes)


def link_headers(request: Request, prefix: str, cursor: str | None) -> dict[str, str]:
    """Point at the next page, if there is one."""
    if cursor is None:
        return {}
    following = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{prefix}{following.path}?{following.query}>; rel="next"'}
