"""Build a text from blocks in order: paragraphs, list items, and tables within tables."""

from dataclasses import dataclass, field
from typing import Final

from activities.extraction.errors import Refusal
from activities.extraction.markdown import collapse_blanks, format_table

DEEPEST_INDENT: Final = 8


@dataclass
class _Blocks:
    """What is written on: the document, or one cell of a table."""

    blocks: list[tuple[str, bool]] = field(default_factory=list)


@dataclass
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    above: list[_Blocks] = field(default_factory=list)
    is_layout: bool = False

    @property
    def is_small(self) -> bool:
        """Whether it has one row or one column only, and so fits into a cell."""
        return len(self.rows) < 2 or max(map(len, self.rows)) < 2


class TextBuilder:
    """Collect the blocks of one document, up to so many characters."""

    def __init__(self, most_characters: int) -> None:
        self._most, self._total = most_characters, 0
        self._sheet = _Blocks()
        self._tables: list[_Table] = []

    def add(self, text: str, *, is_item: bool = False) -> None:
        """Add a block; items of a list follow each other without an empty line.

        Raises:
            Refusal: `document_too_large`.
        """
        self._total += len(text)
        if self._total > self._most:
            raise Refusal("document_too_large", f"more than {self._most:,} characters")
        self._put(text, is_item=is_item)

    def _put(self, text: str, *, is_item: bool = False) -> None:
        if text.strip():
            self._sheet.blocks.append((text, is_item))

    def begin_table(self) -> None:
        """Go into a table."""
        self._tables.append(_Table())

    def begin_row(self) -> None:
        """Begin the next row of the table."""
        if self._tables:
            self._tables[-1].rows.append([])

    def begin_cell(self) -> None:
        """Go into the next cell of the row."""
        if self._tables:
            self._tables[-1].above.append(self._sheet)
            self._sheet = _Blocks()

    def end_cell(self) -> None:
        """Leave the cell."""
        if self._tables and self._tables[-1].above:
            table, text = self._tables[-1], _join_blocks(self._sheet)
            self._sheet = table.above.pop()
            if not table.rows:
                table.rows.append([])
            table.rows[-1].append(text)

    def end_table(self) -> None:
        """Leave the table, which becomes one block.

        A table around a real table is there for the layout, as in mails: its cells become blocks.
        """
        if not self._tables:
            return
        table = self._tables.pop()
        if table.is_layout:
            for cell in (cell for row in table.rows for cell in row):
                self._put(cell)
        elif self._tables and table.is_small:
            self._put("; ".join(", ".join(map(collapse_blanks, row)) for row in table.rows))
        else:
            self._put(format_table(table.rows))
        if self._tables and (table.is_layout or not table.is_small):
            self._tables[-1].is_layout = True

    def text(self) -> str:
        """Return everything, blocks apart by an empty line."""
        return _join_blocks(self._sheet)


def format_item(label: str, text: str, depth: int) -> str:
    """Write an item of a list; further lines of it stand below its text."""
    indent = "  " * min(depth, DEEPEST_INDENT)
    below = "\n" + indent + " " * (len(label) + 1)
    return f"{indent}{label} {text.strip()}".replace("\n", below)


def _join_blocks(sheet: _Blocks) -> str:
    written: list[str] = []
    was_item = False
    for text, is_item in sheet.blocks:
        if written:
            written.append("\n" if is_item and was_item else "\n\n")
        written.append(text)
        was_item = is_item
    return "".join(written)
