"""JSON pointers (RFC 6901) into what a client sent."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from pydantic import ValidationError

from jobs.mistakes import MOST_MISTAKES
from jobs.wording import said

Path = tuple[str | int, ...]
"""Where a value stands; made a pointer when one is told, as names may be as long as the rest."""


def join(base: str, part: str | int) -> str:
    """Append a member name or an index to a pointer."""
    return f"{base}/{str(part).replace('~', '~0').replace('/', '~1')}"


def along(path: Path, base: str = "") -> str:
    """Append one part after the other."""
    return reduce(join, path, base)


def pointer(loc: Sequence[str | int], document: Any, kind: str, base: str = "") -> str:
    """Turn pydantic's location of an error into a pointer into the document.

    Pydantic also names union members and validators, which are no part of the document and are
    left out; a missing member is not there either, but is what the pointer has to name.
    """
    found, node = base, document
    for index, part in enumerate(loc):
        if holds(node, part):
            node = node[part]
        elif kind != "missing" or index < len(loc) - 1:
            continue
        found = join(found, part)
    return found


def holds(node: Any, part: str | int) -> bool:
    """Tell whether a part of a location is there in a JSON value."""
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, dict) and part in node


def mistakes(error: ValidationError, document: Any, base: str) -> list[dict[str, Any]]:
    """List what is wrong with a document that lies at a pointer inside the body.

    The one mistake beyond `MOST_MISTAKES` is there to say that there are more.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {"pointer": pointer(each["loc"], document, each["type"], base), "detail": said(each)}
        for each in found[: MOST_MISTAKES + 1]
    ]
