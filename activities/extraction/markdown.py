"""Write down in Markdown what has structure: tables, and blocks apart by an empty line."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

BLANKS: Final = re.compile(r"\s+")


def collapse_blanks(text: str) -> str:
    """Return a text with single blanks for every run of white space."""
    return BLANKS.sub(" ", text).strip()


def format_row(cells: Iterable[str]) -> str:
    """Write one row of a table."""
    return "| " + " | ".join(collapse_blanks(cell).replace("|", r"\|") for cell in cells) + " |"


def format_header(cells: Sequence[str]) -> str:
    """Write the header of a table, with the line below that makes it one."""
    return f"{format_row(cells)}\n|{' --- |' * len(cells)}"


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first row is its header; rows without any text are left out."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return ""
    width = max(map(len, filled))
    if width == 1:  # a frame around text, as letters and mails have them
        return "\n\n".join(cell.strip() for row in filled for cell in row)
    even = [[*row, *[""] * (width - len(row))] for row in filled]
    return "\n".join([format_header(even[0]), *map(format_row, even[1:])])
