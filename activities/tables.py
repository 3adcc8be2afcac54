"""Reads bytes as rows: CSV with a heading, a JSON list of objects, or one JSON object per line."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePath
from typing import Any, NoReturn

from pydantic import JsonValue

from activities.extraction.decoding import decode
from jobs.delimiters import SAMPLE_ROWS, delimiter_of

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
"""Names that make a file with a single column a table; other text has one column, too."""

EXACT_DIGITS = 15
"""Digits that every reader of JSON keeps; longer numbers, which are ids, travel as text."""

ZIP = b"PK\x03\x04"

Rows = list[dict[str, JsonValue]]


class NoTable(ValueError):
    """What the bytes are instead of rows, to follow "the document"."""


def rows_of(content: bytes, name: str, most: int) -> Rows:
    """Read up to one row more than `most`, so that the caller sees when there are more.

    Raises:
        NoTable: It cannot be read as rows.
        Refusal: It is not text, or of an encoding nobody can tell.
    """
    if content.startswith(ZIP):
        raise NoTable("is a spreadsheet or an archive; save the sheet as CSV")
    text = decode(content)
    if text.lstrip()[:1] in ("[", "{"):
        rows = _from_json(text)
    else:
        rows = _from_csv(text, has_one_column=PurePath(name).suffix.lower() in TABLE_SUFFIXES)
    found: Rows = []
    for row in rows:
        found.append({_storable(key): _clean(cell) for key, cell in row.items()})
        if len(found) > most:
            break
    if not found:
        raise NoTable("has no row")
    return found


def _from_json(text: str) -> Iterator[dict[str, Any]]:
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


def _from_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            row = _parsed(line)
        except ValueError as error:
            raise NoTable(f"is not valid JSON in line {number}: {error}") from error
        yield _object(row, f"line {number}")


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict) or not row:
        raise NoTable(f"holds something else than an object with members in {where}")
    return row


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


def _from_csv(text: str, *, has_one_column: bool) -> Iterator[dict[str, Any]]:
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=") + 1:
        delimiter, text = first.strip()[-1], rest  # Excel's way to say it
    else:
        delimiter = delimiter_of(list(islice(io.StringIO(text, newline=""), SAMPLE_ROWS)))
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
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = base = cell.strip() or f"column {number}"
        again = 1
        while name in names:
            again += 1
            name = f"{base} ({again})"
        names.append(name)
    return names


def _row(heading: list[str], cells: list[str], line: int) -> dict[str, str]:
    if any(cell.strip() for cell in cells[len(heading) :]):
        counts = f"{len(cells)} cells and {len(heading)} columns"
        raise NoTable(f"has more cells than columns in line {line}: {counts}")
    cells += [""] * (len(heading) - len(cells))
    return dict(zip(heading, cells, strict=False))


def _clean(cell: Any) -> JsonValue:
    if isinstance(cell, str):
        return _storable(cell)
    if isinstance(cell, list):
        return [_clean(each) for each in cell]
    if isinstance(cell, dict):
        return {_storable(name): _clean(each) for name, each in cell.items()}
    clean: JsonValue = cell
    return clean


def _storable(text: str) -> str:
    """Drop what JSON can carry and Postgres cannot."""
    return text.replace("\x00", "").encode(errors="replace").decode()
