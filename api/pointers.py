"""JSON pointers (RFC 6901) into what a client sent, and values that cannot be stored."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

DEEPEST = 64
"""Levels of nesting a body may have; deeper ones only exhaust somebody's stack."""


def join(base: str, part: str | int) -> str:
    """Append a member name or an index to a pointer."""
    return f"{base}/{str(part).replace('~', '~0').replace('/', '~1')}"


def pointer(loc: Sequence[str | int], document: Any, kind: str, base: str = "") -> str:
    """Turn pydantic's location of an error into a pointer into the document.

    Pydantic also names union members and validators, which are no part of the document and are
    left out; a missing member is not there either, but is what the pointer has to name.
    """
    found, node = base, document
    for index, part in enumerate(loc):
        if _holds(node, part):
            node = node[part]
        elif kind != "missing" or index < len(loc) - 1:
            continue
        found = join(found, part)
    return found


def _holds(node: Any, part: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, dict) and part in node


def mistakes(error: ValidationError, document: Any, base: str) -> list[dict[str, Any]]:
    """List what is wrong with a document that lies at a pointer inside the body."""
    return [
        {"pointer": pointer(each["loc"], document, each["type"], base), "detail": each["msg"]}
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def unstorable(document: Any) -> Iterator[dict[str, Any]]:
    """Find what JSON text can carry but Postgres, UTF-8 or JSON itself cannot."""
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    while stack:
        at, node, depth = stack.pop()
        if depth > DEEPEST:
            yield {"pointer": at, "detail": f"nested deeper than {DEEPEST} levels"}
            continue
        if reason := _reason(node):
            yield {"pointer": at, "detail": reason}
        if isinstance(node, dict):
            if any(_reason(key) for key in node):
                yield {"pointer": at, "detail": "a member's name cannot be stored"}
                continue
            stack.extend((join(at, key), value, depth + 1) for key, value in node.items())
        elif isinstance(node, list):
            stack.extend((join(at, index), value, depth + 1) for index, value in enumerate(node))


def _reason(node: Any) -> str | None:
    if isinstance(node, float) and not math.isfinite(node):
        return "not a finite number"
    if not isinstance(node, str):
        return None
    if "\0" in node:
        return "the character U+0000 cannot be stored"
    try:
        node.encode()
    except UnicodeEncodeError:
        return "a lone surrogate is no character"
    return None
