"""Read CSV and its relatives as a Markdown table: one row a line, the header told apart.

The header is handed back by itself, so that every chunk of a long table can begin with it.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from activities.extraction.decoding import decode
from activities.extraction.errors import Refusal
from activities.extraction.limits import ExtractionLimits
from activities.extraction.markdown import format_header, format_row
from activities.extraction.plain_text import read_content
from activities.extraction.reader_result import ReaderResult
from jobs.delimiters import find_delimiter

NUMBER: Final = re.compile(r"[\s\d.,:;%€$£+-]+")
MOST_COLUMNS: Final = 2_000


def read(path: Path, limits: ExtractionLimits) -> ReaderResult:
    """Read every row; rows of blanks are left out."""
    decoded = decode(read_content(path, limits))
    delimiter, text = find_delimiter(decoded.text.removeprefix("\ufeff"))
    csv.field_size_limit(limits.characters)
    try:
        result = _format_rows(_read_rows(text, delimiter, strict=True), limits)
    except csv.Error:
        # A quote that nobody closes would swallow all that follows: take quotes as they stand.
        result = _format_rows(_read_rows(text, delimiter, strict=False), limits)
    return replace(result, encoding=decoded.encoding)


def _read_rows(text: str, delimiter: str, *, strict: bool) -> Iterator[list[str]]:
    lines = StringIO(text, newline="")  # other line ends than those of files belong to the cells
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if strict else csv.QUOTE_NONE
    for row in csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict):
        if len(row) > MOST_COLUMNS:
            raise Refusal("document_too_large", f"more than {MOST_COLUMNS:,} columns")
        if any(cell.strip() for cell in row):
            yield row


def _format_rows(rows: Iterator[list[str]], limits: ExtractionLimits) -> ReaderResult:
    first = next(rows, None)
    if first is None:
        raise Refusal("document_empty")
    if _is_header(first):
        header = first
    else:
        header = [f"column {number}" for number in range(1, len(first) + 1)]
        rows = chain([first], rows)
    width, total, written = len(header), 0, []
    for row in rows:
        line = format_row([*row, *[""] * (width - len(row))])
        total += len(line) + 1
        if total > limits.characters:
            raise Refusal("document_too_large", f"more than {limits.characters:,} characters")
        written.append(line)
    return ReaderResult(text="\n".join(written), header=f"{format_header(header)}\n")


def _is_header(row: list[str]) -> bool:
    """Tell names of columns from values: each is there, none twice, and none is a number."""
    names = [cell.strip() for cell in row]
    return all(names) and len(set(names)) == len(names) and not any(map(NUMBER.fullmatch, names))
