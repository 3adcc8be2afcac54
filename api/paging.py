"""Keyset pages: opaque cursors, the `Link` header, and refused query parameters."""

import hmac
import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Query, Request
from pydantic import AfterValidator, AwareDatetime

from jobs.errors import InvalidRequest

T = TypeVar("T")
LONGEST_CURSOR = 200
SIGNATURE_BYTES = 8
PURPOSE = b"backburner cursor"
"""Keeps signatures of cursors apart from everything else that the keys are used for."""

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
    return pack([created_at.isoformat(), str(row_id)])


def from_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Find the place a cursor names; None is the beginning.

    Raises:
        InvalidRequest: No page ever ended with this cursor.
    """

    def place(parts: Any) -> tuple[datetime, UUID]:
        created_at, row_id = parts
        return moment(created_at), UUID(row_id)

    return unpack(cursor, place)


def pack(parts: list[Any]) -> str:
    """Make a cursor of the JSON values that name a place."""
    place = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def unpack(cursor: str | None, read: Callable[[Any], T]) -> T | None:
    """Return what `read` makes of the values in a cursor; None is the beginning.

    Raises:
        InvalidRequest: No page ever ended with this cursor.
    """
    if cursor is None:
        return None
    try:
        return read(json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise bad_cursor() from None


def to_signed_cursor(token: bytes, owner: str, key: str) -> str:
    """Carry somebody else's name of a place, signed, as only they could tell a made-up one."""
    return urlsafe_b64encode(_signature(token, owner, key) + token).decode()


def from_signed_cursor(cursor: str | None, owner: str, keys: Iterable[str]) -> bytes:
    """Return the name of a place that a cursor of this owner carries; empty is the beginning.

    Raises:
        InvalidRequest: None of the keys signed it.
    """
    if cursor is None:
        return b""
    try:
        carried = b64decode(cursor, altchars=b"-_", validate=True)
    except ValueError:
        raise bad_cursor() from None
    signature, token = carried[:SIGNATURE_BYTES], carried[SIGNATURE_BYTES:]
    if not any(hmac.compare_digest(signature, _signature(token, owner, key)) for key in keys):
        raise bad_cursor()
    return token


def _signature(token: bytes, owner: str, key: str) -> bytes:
    own_key = hmac.digest(key.encode(), PURPOSE, "sha256")
    return hmac.digest(own_key, owner.encode() + token, "sha256")[:SIGNATURE_BYTES]


def moment(text: str) -> datetime:
    """Read a time that a cursor holds."""
    return _in_utc(datetime.fromisoformat(text))


def bad_cursor() -> InvalidRequest:
    """Return the error for a cursor that no page ended with."""
    mistake = {"parameter": "cursor", "detail": "not a cursor of ours"}
    return InvalidRequest("the cursor is malformed", errors=[mistake])


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
