"""Read JSON bodies, with OpenAI's errors."""

import json
from typing import Any

from fastapi import Request

from local.openai_emulator.errors import ApiError


async def json_body(request: Request, *, or_empty: bool = False) -> dict[str, Any]:
    """Return the request's JSON object; with `or_empty`, no body stands for an empty one.

    Raises:
        ApiError: The body is not JSON, or not an object (400).
    """
    raw = await request.body()
    if or_empty and not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body of your request must be a JSON object.")
    return body
