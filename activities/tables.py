"""Reads bytes as rows: CSV with a heading, a JSON list of objects, or one JSON object per line."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, NoReturn

from pydantic import JsonValue

from activities.extraction.decoding import decode
from activities.extraction.errors import Refusal
from activities.extraction.tables import MOST_COLUMNS
from jobs.delimiters import find_delimiter
from jobs.texts import keepable

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
"""Names that make a file with a single column a table; other text has one column, too."""

EXACT_DIGITS = 15
"""Digits that every reader of JSON keeps; longer numbers, which are ids, travel as text."""

ZIP = b"PK\x03\x04"

DEEPEST = 64
"""Levels of nesting a cell may have: as many as a request's body."""


class NoTable(ValueError):
    """What the bytes are instead of rows, to follow "the document"."""


def rows_of(content: bytes, name: str) -> Iterator[dict[str, JsonValue]]:
    """Read rows, one after the other, only as far as they are asked for.

    Raises:
        NoTable: It cannot be read as rows.
        Refusal: It is not text, of an encoding nobody can tell, or has too many columns.
    """
    if content.startswith(ZIP):
        raise NoTable("is a spreadsheet or an archive; save the sheet as CSV")
    text = decode(content).text
    if text.lstrip()[:1] in ("[", "{"):
        rows = _from_json(text)
    else:
        rows = _from_csv(text, has_one_column=PurePath(name).suffix.lower() in TABLE_SUFFIXES)
    row = None
    for row in rows:
        yield row
    if row is None:
        raise NoTable("has no row")


def _from_json(text: str) -> Iterator[dict[str, JsonValue]]:
    try:
        document = _parsed(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].rstrip().endswith("}"):
            yield from _from_lines(lines)
            return
        raise NoTable(f"is not valid JSON: {error}") from error
    if isinstance(document, dict):
        lists = [each for each in document.values() if isinstance(each, list)]
        if len(lists) != 1:
            raise NoTable("is one JSON object, not a list of them")
        document = lists[0]
    for number, row in enumerate(document, start=1):
        yield _object(row, f"item {number}")


def _from_lines(lines: Iterable[str]) -> Iterator[dict[str, JsonValue]]:
    for number, line in enumerate(lines, start=1):
        try:
            row = _parsed(line)
        except ValueError as error:
            raise NoTable(f"is not valid JSON in line {number}: {error}") from error
        yield _object(row, f"line {number}")


def _object(row: Any, where: str) -> dict[str, JsonValue]:
    if not isinstance(row, dict) or not row:
        raise NoTable(f"holds something else than an object with members in {where}")
    return {keepable(name): _clean(cell) for name, cell in row.items()}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _number(digits: str) -> float | int | str:
    """Keep a number as it is written; what a float would change stays text."""
    if len(digits) > EXACT_DIGITS:
        return digits
    number = float(digits) if set(digits) & set(".eE") else int(digits)
    return number if str(number) == digits else digits


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _from_csv(text: str, *, has_one_column: bool) -> Iterator[dict[str, JsonValue]]:
    delimiter, text = find_delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        heading = _heading(next(lines, []))
        if len(heading) < 2 and not has_one_column:
            raise NoTable("has no columns: its first line holds no comma, semicolon, tab or bar")
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield _row(heading, cells, lines.line_num)
    except csv.Error as error:
        raise NoTable(f"is not valid CSV in line {lines.line_num}: {error}") from error


def _heading(cells: list[str]) -> list[str]:
    """Name every column, each name once."""
    if len(cells) > MOST_COLUMNS:
        raise Refusal("document_too_large", f"more than {MOST_COLUMNS:,} columns")
    names: dict[str, None] = {}  # a list that is quick to ask
    repeats = Counter[str]()
    for number, cell in enumerate(cells, start=1):
        name = base = keepable(cell.strip()) or f"column {number}"
        while name in names:
            repeats[base] += 1
            name = f"{base} ({repeats[base] + 1})"
        names[name] = None
    return list(names)


def _row(heading: list[str], cells: list[str], line: int) -> dict[str, JsonValue]:
    if any(cell.strip() for cell in cells[len(heading) :]):
        counts = f"{len(cells)} cells and {len(heading)} columns"
        raise NoTable(f"has more cells than columns in line {line}: {counts}")
    cells += [""] * (len(heading) - len(cells))
    return dict(zip(heading, map(keepable, cells), strict=False))


def _clean(cell: Any, depth: int = 1) -> JsonValue:
    if depth > DEEPEST and isinstance(cell, list | dict):
        raise NoTable(f"is nested deeper than {DEEPEST} levels")
    if isinstance(cell, str):
        return keepable(cell)
    if isinstance(cell, list):
        return [_clean(each, depth + 1) for each in cell]
    if isinstance(cell, dict):
        return {keepable(name): _clean(each, depth + 1) for name, each in cell.items()}
    clean: JsonValue = cell
    return clean
