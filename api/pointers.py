"""Values that a client may send and nobody can store."""

import math
from collections.abc import Iterator
from typing import Any

from jobs.pointers import along

DEEPEST = 64
"""Levels of nesting a body may have; deeper ones only exhaust somebody's stack."""


HARMLESS = frozenset({int, bool, type(None)})


def unstorable(document: Any) -> Iterator[dict[str, Any]]:
    """Find what JSON text can carry but Postgres, UTF-8 or JSON itself cannot.

    It looks no further than it is asked: a body can hold half a million such values.
    """
    if reason := _reason(document, 0):
        yield {"pointer": "", "detail": reason}
        return
    # Iterators, as a list of all that is still to be seen is many times the size of the body.
    path: list[str | int] = []
    stack = [_remarkable(document)]
    while stack:
        for name, node in stack[-1]:
            if reason := _reason(node, len(stack)):
                yield {"pointer": along((*path, name)), "detail": reason}
            elif isinstance(node, dict | list):
                path.append(name)
                stack.append(_remarkable(node))
                break
        else:
            stack.pop()
            del path[-1:]


def _remarkable(node: Any) -> Iterator[tuple[str | int, Any]]:
    """Yield the members of a value without those that are plainly harmless, mostly all."""
    if not isinstance(node, dict | list):
        return
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        kind = value.__class__
        if kind in HARMLESS or (kind is str and value.isascii() and "\0" not in value):
            continue
        yield name, value


def _reason(node: Any, depth: int) -> str | None:
    if depth > DEEPEST:
        return f"nested deeper than {DEEPEST} levels"
    if isinstance(node, float) and not math.isfinite(node):
        return "not a finite number"
    if isinstance(node, str):
        return _reason_of_text(node)
    if isinstance(node, dict) and any(map(_reason_of_text, node)):
        return "a member's name cannot be stored"
    return None


def _reason_of_text(text: str) -> str | None:
    if "\0" in text:
        return "the character U+0000 cannot be stored"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a lone surrogate is no character"
    return None
