"""Which character parts the columns of a table in plain text."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from itertools import islice
from typing import Final

DELIMITERS: Final = (",", ";", "\t", "|")
DECLARED: Final = re.compile(r"sep=(.)[ \t]*\r?\n", re.IGNORECASE)
SAMPLE_ROWS: Final = 50
CERTAIN_ROWS, CERTAIN_COLUMNS = 5, 3
LONGEST_CELL: Final = 60
"""Prose has commas too; a column of a table rarely holds a paragraph."""


def find_delimiter(text: str) -> tuple[str, str]:
    """Return the delimiter of a table and its text, without the line in which Excel declares it."""
    if declared := DECLARED.match(text):
        return declared[1], text[declared.end() :]
    return detect_delimiter(list(islice(StringIO(text, newline=""), SAMPLE_ROWS))), text


def detect_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that cuts the lines into the most even rows; a comma when none does."""
    return max(DELIMITERS, key=lambda each: _evenness(lines, each))


def is_surely_a_table(lines: Sequence[str]) -> bool:
    """Tell whether complete lines are so regular that they cannot be prose, code or JSON."""
    if len(lines) < CERTAIN_ROWS or lines[0].lstrip()[:1] in {"{", "[", "<", "#", "|"}:
        return False
    delimiter = detect_delimiter(lines)
    rows = split_rows(lines, delimiter)
    widths = {len(row) for row in rows}
    cells = [cell for row in rows for cell in row]
    return (
        len(widths) == 1
        and widths.pop() >= CERTAIN_COLUMNS
        and sum(map(len, cells)) <= LONGEST_CELL * len(cells)
        and not (delimiter == "," and all(cell.startswith(" ") for row in rows for cell in row[1:]))
        and all(cell.strip() for cell in rows[0])
    )


def split_rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Return the first rows, blank ones left out; lines whose quotes never close give none."""
    try:
        return list(islice(filter(None, csv.reader(lines, delimiter=delimiter)), SAMPLE_ROWS))
    except csv.Error:
        return []


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    widths = Counter(len(row) for row in split_rows(lines, delimiter))
    widths.pop(1, None)
    if not widths:
        return (0.0, 0)
    width, often = widths.most_common(1)[0]
    return (often / min(len(lines), SAMPLE_ROWS), width)
