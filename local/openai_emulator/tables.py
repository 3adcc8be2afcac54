"""Classify rows the simple way: the label whose words a row shares wins."""

import json
import re
from html import unescape
from typing import Any

_ROW = re.compile(r'<row id="(\d+)">(.*?)</row>', re.DOTALL)
_LABEL = re.compile(r'<label name="([^"]*)">(.*?)</label>', re.DOTALL)
_WORD = re.compile(r"[^\W_]{3,}")
_COMMON_WORDS = "and are for from has have its not the this was will with"
_COMMON = frozenset(_COMMON_WORDS.split())


def row_answers(text: str) -> list[dict[str, Any]]:
    """Return an answer for each row of a text, in its order; none where it holds no rows.

    An answer offers `row`, `label`, `confidence` and `reason`; the schema takes what it wants.
    """
    labels = {unescape(name): unescape(said) for name, said in _LABEL.findall(text)}
    return [_answer(int(number), cells, labels) for number, cells in _ROW.findall(text)]


def _answer(number: int, cells: str, labels: dict[str, str]) -> dict[str, Any]:
    said = _words(_values(cells))
    shared = {name: _words(f"{name} {meaning}") & said for name, meaning in labels.items()}
    if not any(shared.values()):
        first = next(iter(labels), "")
        reason = "The cells share no word with any label."
        return {"row": number, "label": first, "confidence": 0.3, "reason": reason}
    best = max(shared, key=lambda name: len(shared[name]))
    reason = f"The cells say {', '.join(sorted(shared[best]))}, as the label {best!r} does."
    confidence = round(min(0.95, 0.5 + 0.1 * len(shared[best])), 2)
    return {"row": number, "label": best, "confidence": confidence, "reason": reason}


def _values(cells: str) -> str:
    """Return what the cells of a row say, without the columns' names."""
    try:
        row = json.loads(cells)
    except json.JSONDecodeError:
        return cells
    return " ".join(map(str, row.values())) if isinstance(row, dict) else cells


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _COMMON
