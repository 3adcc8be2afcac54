"""Cutting long text into chunks a model can read, and grouping short ones."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text; other languages use fewer, hence the margin below."""

WINDOW_SHARE = 0.25
"""Share of the context window one chunk may fill at four characters a token: dense scripts need up
to three times the tokens, and instructions, reasoning and answer want room as well."""

LARGEST_CHUNK_TOKENS = 60_000
"""Quality of summaries falls long before the largest windows are full."""

BREAKS = ("\n\n", "\n", ". ", " ")
"""Where a cut hurts least, best first."""

T = TypeVar("T")


def chunk_characters(window_tokens: int) -> int:
    """Return how many characters one chunk may have for a model with this context window."""
    return min(int(window_tokens * WINDOW_SHARE), LARGEST_CHUNK_TOKENS) * CHARACTERS_PER_TOKEN


def split(text: str, limit: int) -> list[str]:
    """Cut text into pieces of at most `limit` characters; joined they are the text again.

    Cuts fall on paragraph, line, sentence or word ends, if one lies in the second half of a piece.
    """
    pieces: list[str] = []
    start = 0
    while len(text) - start > limit:
        end = _cut(text, start, limit)
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces


def split_under_header(text: str, header_characters: int, limit: int) -> list[str]:
    """Cut text as `split` does, and begin every piece with what begins the text.

    A header that fills more than a quarter of a piece is not repeated.
    """
    header = text[:header_characters]
    if not header or len(header) > limit // 4:
        return split(text, limit)
    return [header + piece for piece in split(text[len(header) :], limit - len(header))]


def _cut(text: str, start: int, limit: int) -> int:
    floor = start + limit // 2
    for mark in BREAKS:
        found = text.rfind(mark, floor, start + limit)
        if found > 0:
            return found + len(mark)
    return start + limit


def group(items: Sequence[T], sizes: Iterable[int], limit: int, most: int) -> list[list[T]]:
    """Pack neighbours into groups of at most `limit` total size and `most` members.

    An item larger than the limit gets a group of its own.
    """
    groups: list[list[T]] = []
    filled = limit + 1
    for item, size in zip(items, sizes, strict=True):
        if filled + size > limit or len(groups[-1]) >= most:
            groups.append([])
            filled = 0
        groups[-1].append(item)
        filled += size
    return groups
