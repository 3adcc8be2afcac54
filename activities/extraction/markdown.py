"""Write down in Markdown what has structure: tables, and blocks apart by an empty line."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

BLANKS: Final = re.compile(r"\s+")


def in_one_line(text: str) -> str:
    """Return a text with single blanks for every run of white space."""
    return BLANKS.sub(" ", text).strip()


def row_of(cells: Iterable[str]) -> str:
    """Write one row of a table."""
    return "| " + " | ".join(in_one_line(cell).replace("|", r"\|") for cell in cells) + " |"


def header_of(cells: Sequence[str]) -> str:
    """Write the header of a table, with the line below that makes it one."""
    return f"{row_of(cells)}\n|{' --- |' * len(cells)}"


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first row is its header; rows without any text are left out."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return ""
    width = max(map(len, filled))
    if width == 1:  # a frame around text, as letters and mails have them
        return "\n\n".join(cell.strip() for row in filled for cell in row)
    even = [[*row, *[""] * (width - len(row))] for row in filled]
    return "\n".join([header_of(even[0]), *map(row_of, even[1:])])
