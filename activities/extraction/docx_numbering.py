"""Count the numbered paragraphs of a Word document as Word does: `2.1`, `(a)`, `IV.`, bullets.

Contracts refer to their clauses by numbers that stand nowhere in the text.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ROMAN: Final = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"))
SMALL_ROMAN: Final = ((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
PLACE: Final = re.compile(r"%([1-9])")
BULLET: Final = "-"
LARGEST: Final = 9_999
"""Beyond it letters and Roman numbers grow without bounds."""


@dataclass
class Level:
    """How one level of a list is numbered."""

    form: str = "decimal"
    template: str = ""
    first: int = 1


@dataclass
class Numbering:
    """Visit the part `numbering.xml`, then number paragraphs in their order."""

    lists: dict[str, dict[int, Level]] = field(default_factory=lambda: defaultdict(dict))
    list_of: dict[str, str] = field(default_factory=dict)
    restarts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    _counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    _seen: set[str] = field(default_factory=set)
    _abstract: str = ""
    _number: str = ""
    _level: int = 0

    def start(self, name: str, attributes: Mapping[str, str], path: list[str]) -> None:
        """Take in an element of `numbering.xml`."""
        value = attributes.get("val", "")
        if name == "abstractNum":
            self._abstract = attributes.get("abstractNumId", "")
        elif name == "num":
            self._number = attributes.get("numId", "")
        elif name == "abstractNumId":
            self.list_of[self._number] = value
        elif name in {"lvl", "lvlOverride"}:
            self._level = parse_integer(attributes.get("ilvl", ""))
        elif name == "startOverride":
            self.restarts[self._number][self._level] = parse_integer(value)
        elif path[-2:] == ["abstractNum", "lvl"]:
            self._describe(name, value)

    def _describe(self, name: str, value: str) -> None:
        level = self.lists[self._abstract].setdefault(self._level, Level())
        if name == "numFmt":
            level.form = value
        elif name == "lvlText":
            level.template = value[:100]
        elif name == "start":
            level.first = parse_integer(value)

    def label(self, number: str, depth: int) -> str:
        """Count a paragraph and return what stands before it; empty when nothing does."""
        name = self.list_of.get(number)
        level = self.lists.get(name, {}).get(depth) if name is not None else None
        if name is None or level is None or level.form == "none":
            return ""
        counts = self._counts[name]
        if number not in self._seen:
            self._seen.add(number)
            for restarted, first in self.restarts.get(number, {}).items():
                counts[restarted] = first - 1
        counts[depth] = counts.get(depth, level.first - 1) + 1
        for deeper in [each for each in counts if each > depth]:
            del counts[deeper]
        if level.form == "bullet":
            return BULLET
        return PLACE.sub(lambda place: self._format_level(name, int(place[1]) - 1), level.template)

    def _format_level(self, name: str, depth: int) -> str:
        level = self.lists[name].get(depth, Level())
        return format_number(self._counts[name].get(depth, level.first), level.form)


def parse_integer(text: str) -> int:
    """Read a small whole number; anything else is 0."""
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0


def format_number(count: int, form: str) -> str:
    """Write a number as Word does in the given form."""
    if not 0 < count <= LARGEST:
        return str(count)
    if form in {"lowerLetter", "upperLetter"}:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in {"lowerRoman", "upperRoman"}:
        roman = _format_roman(count)
        return roman.upper() if form == "upperRoman" else roman
    return f"{count:02}" if form == "decimalZero" else str(count)


def _format_roman(count: int) -> str:
    written = ""
    for value, letters in (*ROMAN, *SMALL_ROMAN):
        times, count = divmod(count, value)
        written += letters * times
    return written
