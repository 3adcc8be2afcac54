"""Cursor pages, as every list of OpenAI's API has them."""

from collections.abc import Mapping
from typing import Any

from local.openai_emulator.errors import ApiError


def page_of(items: list[dict[str, Any]], query: Mapping[str, str], usual: int) -> dict[str, Any]:
    """Return the page that starts after the id `after` and holds `limit` items.

    Raises:
        ApiError: The limit is not a number above zero, or `after` names nothing (400).
    """
    limit = query.get("limit", str(usual))
    if not limit.isdecimal() or int(limit) < 1:
        raise ApiError(400, f"Invalid 'limit': {limit!r}.", param="limit", code="invalid_value")
    ids = [item["id"] for item in items]
    after = query.get("after")
    if after is not None and after not in ids:
        raise ApiError(400, f"Invalid 'after': {after!r}.", param="after", code="invalid_value")
    start = 0 if after is None else ids.index(after) + 1
    shown = items[start : start + int(limit)]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + len(shown) < len(items),
    }
