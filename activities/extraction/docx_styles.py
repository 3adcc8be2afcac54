"""What the styles of a Word document say about paragraphs: headings, and their numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from activities.extraction.docx_numbering import parse_integer

HEADING: Final = re.compile(r"heading ([1-9])", re.IGNORECASE)
DEEPEST_HEADING: Final = 6
LONGEST_CHAIN: Final = 16


@dataclass
class Style:
    """What one style says; None where it says nothing."""

    based_on: str | None = None
    outline: int | None = None
    number: str | None = None
    depth: int | None = None


@dataclass
class Styles:
    """Visit the part `styles.xml`, then answer for paragraphs."""

    by_id: dict[str, Style] = field(default_factory=dict)
    _style: Style = field(default_factory=Style)

    def start(self, name: str, attributes: Mapping[str, str], path: list[str]) -> None:
        """Take in an element of `styles.xml`."""
        value = attributes.get("val", "")
        if name == "style":
            self._style = self.by_id.setdefault(attributes.get("styleId", ""), Style())
        elif name == "name" and path[-1:] == ["style"]:
            if heading := HEADING.fullmatch(value):
                self._style.outline = int(heading[1]) - 1
            elif value.lower() == "title":
                self._style.outline = 0
        elif name == "basedOn":
            self._style.based_on = value
        elif name == "outlineLvl":
            self._style.outline = parse_integer(value)
        elif name == "numId":
            self._style.number = value
        elif name == "ilvl":
            self._style.depth = parse_integer(value)

    def of(self, style_id: str | None) -> Style:
        """Return what a style says, together with the styles it is based on."""
        found = Style()
        for _ in range(LONGEST_CHAIN):
            style = self.by_id.get(style_id) if style_id is not None else None
            if style is None:
                break
            found.outline = style.outline if found.outline is None else found.outline
            if found.number is None:
                found.number, found.depth = style.number, style.depth
            style_id = style.based_on
        return found


def format_heading_mark(outline: int | None) -> str:
    """Return the Markdown mark of an outline level; 9 is Word's for body text."""
    if outline is None or outline >= 9:
        return ""
    return "#" * min(outline + 1, DEEPEST_HEADING)
