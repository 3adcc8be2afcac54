"""Read DOCX: headings, numbered clauses, lists, tables, text boxes and notes, in reading order.

What a reader of the printed document would not see is left out: deleted and hidden text, comments,
field codes. Headers and footers, which repeat, are left out as well.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from activities.extraction.archive import Archive, opened
from activities.extraction.composing import Composer, item
from activities.extraction.errors import Refusal
from activities.extraction.limits import ExtractionLimits
from activities.extraction.markdown import in_one_line
from activities.extraction.markup import walk
from activities.extraction.numbering import BULLET, Numbering, integer
from activities.extraction.reading import Reading
from activities.extraction.styles import Style, Styles, heading_mark

SKIPPED_NAMES: Final = """
del moveFrom Fallback pPrChange rPrChange sectPrChange tblPrChange trPrChange tcPrChange
numberingChange
"""
SKIPPED: Final = frozenset(SKIPPED_NAMES.split())
"""Older versions of what follows or precedes them."""

OFF: Final = frozenset({"0", "false", "off"})
NOTES: Final = {"footnoteReference": "", "endnoteReference": "e"}
NOTE_PARTS: Final = {"footnotes": "", "endnotes": "e"}
IN_RUNS: Final = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read(path: Path, limits: ExtractionLimits) -> Reading:
    """Read the document's main text, its notes at the end."""
    with opened(path) as archive:
        main = _main_part(archive)
        parts = _related(archive, main)
        styles, numbering = Styles(), Numbering()
        if content := archive.read(parts.get("styles", "")):
            walk(content, styles.start)
        if content := archive.read(parts.get("numbering", "")):
            walk(content, numbering.start)
        composer = Composer(limits.characters)
        pictures = _tell(archive, main, _Story(composer, styles, numbering))
        for part, mark in NOTE_PARTS.items():
            if part in parts:
                _tell(archive, parts[part], _Story(composer, styles, numbering, notes=mark))
    text = composer.text()
    if pictures and not text.strip():
        raise Refusal("document_has_no_text")
    return Reading(text=text)


def _tell(archive: Archive, part: str, story: "_Story") -> int:
    content = archive.read(part)
    if content is None:
        raise Refusal("document_broken", "a part of it is missing")
    walk(content, story.start, end=story.end, characters=story.characters)
    return story.pictures


@dataclass
class _Relations:
    """Visit a part that says how parts belong together."""

    targets: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: Mapping[str, str], _: list[str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.targets.setdefault(kind, attributes.get("Target", ""))


def _main_part(archive: Archive) -> str:
    main = _related(archive, "").get("officeDocument")
    if main is None:
        raise Refusal("document_broken", "it does not say where its text is")
    return main


def _related(archive: Archive, part: str) -> dict[str, str]:
    """Return the parts that a part refers to, by the last word of what they are to it."""
    folder, name = posixpath.split(part)
    content = archive.read(posixpath.join(folder, "_rels", f"{name}.rels"))
    relations = _Relations()
    if content is not None:
        walk(content, relations.start)
    return {
        kind: posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        for kind, target in relations.targets.items()
    }


@dataclass
class _Paragraph:
    style: str | None = None
    outline: int | None = None
    number: str | None = None
    depth: int | None = None
    pieces: list[str] = field(default_factory=list)


class _Story:
    """Visit a part that holds text, and write it down."""

    def __init__(
        self, composer: Composer, styles: Styles, numbering: Numbering, notes: str | None = None
    ) -> None:
        self.pictures = 0
        self._composer, self._styles, self._numbering = composer, styles, numbering
        self._notes = notes
        self._note = ""
        self._skipping = 0
        self._paragraphs: list[_Paragraph] = []
        self._runs: list[bool] = []
        self._is_text = False

    def start(self, name: str, attributes: Mapping[str, str], path: list[str]) -> None:
        if self._skipping or name in SKIPPED:
            self._skipping += 1
        elif name == "p":
            self._paragraphs.append(_Paragraph())
        elif name == "r":
            self._runs.append(False)
        elif name == "t":
            self._is_text = True
        elif name in {"blip", "imagedata"}:
            self.pictures += 1
        elif name in {"tbl", "tr", "tc"}:
            self._begin_part_of_table(name)
        elif name in {"footnote", "endnote"}:
            self._note = f"[^{self._notes}{attributes.get('id', '')}]: "
        elif path and path[-1] == "r":
            self._in_run(name, attributes)
        elif self._paragraphs:
            self._property(name, attributes.get("val", ""), path)

    def end(self, name: str, _: list[str]) -> None:
        if self._skipping:
            self._skipping -= 1
        elif name == "t":
            self._is_text = False
        elif name == "r":
            self._runs.pop()
        elif name == "p":
            self._write(self._paragraphs.pop())
        elif name == "tc":
            self._composer.end_cell()
        elif name == "tbl":
            self._composer.end_table()

    def characters(self, text: str) -> None:
        if self._is_text and not self._skipping:
            self._say(text)

    def _say(self, text: str) -> None:
        if self._paragraphs and not (self._runs and self._runs[-1]):
            self._paragraphs[-1].pieces.append(text)

    def _begin_part_of_table(self, name: str) -> None:
        if name == "tbl":
            self._composer.begin_table()
        elif name == "tr":
            self._composer.begin_row()
        else:
            self._composer.begin_cell()

    def _in_run(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in IN_RUNS:
            self._say(IN_RUNS[name])
        elif name in NOTES:
            self._say(f"[^{NOTES[name]}{attributes.get('id', '')}]")

    def _property(self, name: str, value: str, path: list[str]) -> None:
        paragraph, inside = self._paragraphs[-1], path[-2:]
        if name == "vanish" and inside == ["r", "rPr"] and value not in OFF:
            self._runs[-1] = True
        elif name == "pStyle":
            paragraph.style = value
        elif name == "outlineLvl":
            paragraph.outline = integer(value)
        elif name == "numId" and inside == ["pPr", "numPr"]:
            paragraph.number = value
        elif name == "ilvl" and inside == ["pPr", "numPr"]:
            paragraph.depth = integer(value)

    def _write(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.pieces).strip()
        if not text:
            return
        style = self._styles.of(paragraph.style)
        outline = style.outline if paragraph.outline is None else paragraph.outline
        label, depth = self._label(paragraph, style)
        if note := self._note:
            self._note = ""
            self._composer.add(f"{note}{text}")
        elif mark := heading_mark(outline):
            self._composer.add(f"{mark} {in_one_line(f'{label} {text}'.removeprefix(BULLET))}")
        elif label:
            self._composer.add(item(label, text, depth), is_item=True)
        else:
            self._composer.add(text)

    def _label(self, paragraph: _Paragraph, style: Style) -> tuple[str, int]:
        """Number a paragraph; the number 0 takes away what its style would give it."""
        number = style.number if paragraph.number is None else paragraph.number
        depth = (style.depth if paragraph.depth is None else paragraph.depth) or 0
        return (self._numbering.label(number, depth), depth) if number else ("", depth)
