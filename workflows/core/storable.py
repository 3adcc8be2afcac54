"""What the record cannot hold is refused or mended here: writing it would be tried for ever."""

from jobs.errors import PayloadTooLarge
from jobs.texts import ESCAPED_NUL, keepable, keepable_json

LARGEST_COUNT = 2**31 - 1
"""The largest number a progress may show: Postgres's integer."""

LARGEST_JSON = 32 * 1024 * 1024
"""Characters of a result, or of a child's payload: every reader holds all of it in memory."""


def words(text: str) -> str:
    """Return text as Postgres can hold it: without NUL and lone surrogates."""
    return keepable(text)


def answer(json_text: str) -> str:
    """Return a model's JSON without NUL, which no model means."""
    return keepable_json(json_text)


def result(json_text: str) -> str:
    """Return a result's, or a child's payload's, JSON as it is.

    Raises:
        ValueError: It holds a NUL; dropping it would make the record differ from the workflow.
        PayloadTooLarge: It is larger than anybody should have to read at once.
    """
    if len(json_text) > LARGEST_JSON:
        raise PayloadTooLarge(
            f"{len(json_text):,} characters of JSON; {LARGEST_JSON:,} are allowed"
        )
    if ESCAPED_NUL.search(json_text):
        raise ValueError("the JSON holds a NUL character, which the record cannot keep")
    return json_text


def count(number: int) -> int:
    """Return a count of a progress as it is.

    Raises:
        ValueError: It is too large.
    """
    if abs(number) > LARGEST_COUNT:
        raise ValueError(f"a progress counts up to {LARGEST_COUNT:,}: choose a larger unit")
    return number
