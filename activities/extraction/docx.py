"""Read DOCX: headings, numbered clauses, lists, tables, text boxes and notes, in reading order.

What a reader of the printed document would not see is left out: deleted and hidden text, comments,
field codes. Headers and footers, which repeat, are left out as well.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from activities.extraction.archive import Archive, open_archive
from activities.extraction.docx_numbering import BULLET, Numbering, parse_integer
from activities.extraction.docx_styles import Style, Styles, format_heading_mark
from activities.extraction.errors import Refusal
from activities.extraction.limits import ExtractionLimits
from activities.extraction.markdown import collapse_blanks
from activities.extraction.reader_result import ReaderResult
from activities.extraction.text_builder import TextBuilder, format_item
from activities.extraction.xml_parser import parse_xml

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


def read(path: Path, limits: ExtractionLimits) -> ReaderResult:
    """Read the document's main text, its notes at the end."""
    with open_archive(path) as archive:
        main = _find_main_part(archive)
        parts = _find_related_parts(archive, main)
        styles, numbering = Styles(), Numbering()
        if content := archive.read(parts.get("styles", "")):
            parse_xml(content, styles.start)
        if content := archive.read(parts.get("numbering", "")):
            parse_xml(content, numbering.start)
        builder = TextBuilder(limits.characters)
        pictures = _read_part(archive, main, _PartVisitor(builder, styles, numbering))
        for part, mark in NOTE_PARTS.items():
            if part in parts:
                _read_part(
                    archive, parts[part], _PartVisitor(builder, styles, numbering, notes=mark)
                )
    text = builder.text()
    if pictures and not text.strip():
        raise Refusal("document_has_no_text")
    return ReaderResult(text=text)


def _read_part(archive: Archive, part: str, visitor: "_PartVisitor") -> int:
    content = archive.read(part)
    if content is None:
        raise Refusal("document_broken", "a part of it is missing")
    parse_xml(content, visitor.start, end=visitor.end, characters=visitor.characters)
    return visitor.pictures


@dataclass
class _Relations:
    """Visit a part that says how parts belong together."""

    targets: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: Mapping[str, str], _: list[str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.targets.setdefault(kind, attributes.get("Target", ""))


def _find_main_part(archive: Archive) -> str:
    main = _find_related_parts(archive, "").get("officeDocument")
    if main is None:
        raise Refusal("document_broken", "it does not say where its text is")
    return main


def _find_related_parts(archive: Archive, part: str) -> dict[str, str]:
    """Return the parts that a part refers to, by the last word of what they are to it."""
    folder, name = posixpath.split(part)
    content = archive.read(posixpath.join(folder, "_rels", f"{name}.rels"))
    relations = _Relations()
    if content is not None:
        parse_xml(content, relations.start)
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


class _PartVisitor:
    """Visit a part that holds text, and write it down."""

    def __init__(
        self, builder: TextBuilder, styles: Styles, numbering: Numbering, notes: str | None = None
    ) -> None:
        self.pictures = 0
        self._builder, self._styles, self._numbering = builder, styles, numbering
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
            self._read_run(name, attributes)
        elif self._paragraphs:
            self._read_property(name, attributes.get("val", ""), path)

    def end(self, name: str, _: list[str]) -> None:
        if self._skipping:
            self._skipping -= 1
        elif name == "t":
            self._is_text = False
        elif name == "r":
            self._runs.pop()
        elif name == "p":
            self._end_paragraph(self._paragraphs.pop())
        elif name == "tc":
            self._builder.end_cell()
        elif name == "tbl":
            self._builder.end_table()

    def characters(self, text: str) -> None:
        if self._is_text and not self._skipping:
            self._append(text)

    def _append(self, text: str) -> None:
        if self._paragraphs and not (self._runs and self._runs[-1]):
            self._paragraphs[-1].pieces.append(text)

    def _begin_part_of_table(self, name: str) -> None:
        if name == "tbl":
            self._builder.begin_table()
        elif name == "tr":
            self._builder.begin_row()
        else:
            self._builder.begin_cell()

    def _read_run(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in IN_RUNS:
            self._append(IN_RUNS[name])
        elif name in NOTES:
            self._append(f"[^{NOTES[name]}{attributes.get('id', '')}]")

    def _read_property(self, name: str, value: str, path: list[str]) -> None:
        paragraph, inside = self._paragraphs[-1], path[-2:]
        if name == "vanish" and inside == ["r", "rPr"] and value not in OFF:
            self._runs[-1] = True
        elif name == "pStyle":
            paragraph.style = value
        elif name == "outlineLvl":
            paragraph.outline = parse_integer(value)
        elif name == "numId" and inside == ["pPr", "numPr"]:
            paragraph.number = value
        elif name == "ilvl" and inside == ["pPr", "numPr"]:
            paragraph.depth = parse_integer(value)

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.pieces).strip()
        if not text:
            return
        style = self._styles.of(paragraph.style)
        outline = style.outline if paragraph.outline is None else paragraph.outline
        label, depth = self._label(paragraph, style)
        if note := self._note:
            self._note = ""
            self._builder.add(f"{note}{text}")
        elif mark := format_heading_mark(outline):
            self._builder.add(f"{mark} {collapse_blanks(f'{label} {text}'.removeprefix(BULLET))}")
        elif label:
            self._builder.add(format_item(label, text, depth), is_item=True)
        else:
            self._builder.add(text)

    def _label(self, paragraph: _Paragraph, style: Style) -> tuple[str, int]:
        """Number a paragraph; the number 0 takes away what its style would give it."""
        number = style.number if paragraph.number is None else paragraph.number
        depth = (style.depth if paragraph.depth is None else paragraph.depth) or 0
        return (self._numbering.label(number, depth), depth) if number else ("", depth)
