"""Values that a client may send and nobody can store."""

import math
from collections.abc import Iterator
from typing import Any

from jobs.pointers import join

DEEPEST = 64
"""Levels of nesting a body may have; deeper ones only exhaust somebody's stack."""


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
