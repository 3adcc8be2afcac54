"""Answers of commands on standard output: tables for people, JSON for programs.

One printer serves all resources: a resource names its columns, and how to read each of them.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.json import JSON
from rich.table import Table
from rich.text import Text

from backburner._text import local_time, plain

T = TypeVar("T")

Columns = Mapping[str, Callable[[T], object]]
"""Titles of a table's columns, and how to read each value from a record."""

STYLES = {
    "succeeded": "green",
    "failed": "red",
    "canceled": "yellow",
    "running": "cyan",
    "open": "cyan",
    "approved": "green",
    "rejected": "red",
    "paused": "yellow",
}
"""Colours of statuses."""

BETWEEN_COLUMNS = "  "
WIDEST_COLUMN = 48
"""Characters of a cell beyond which it is folded; the first column, the id, never is."""


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"


Output = Annotated[
    Format | None,
    typer.Option(
        "--output",
        "-o",
        help="How to print the answer; without this, a table on a terminal and JSON in a pipe.",
        show_default=False,
    ),
]


def pick(fields: Columns[T], *names: str) -> Columns[T]:
    """Return some of a record's fields: the columns of a list of such records."""
    return {name: fields[name] for name in names}


def wants_json(output: Format | None) -> bool:
    """Return whether the answer is for a program."""
    return output is Format.JSON if output else not sys.stdout.isatty()


def print_json(answer: Any) -> None:
    """Print any value as JSON, coloured on a terminal."""
    text = json.dumps(to_jsonable_python(answer), ensure_ascii=False, indent=2)
    if sys.stdout.isatty():
        Console().print(JSON(text, ensure_ascii=False), soft_wrap=True)
    else:
        typer.echo(text)


def print_list(found: Sequence[T], columns: Columns[T], output: Format | None) -> None:
    """Print records, one a line."""
    if wants_json(output):
        print_json(found)
    else:
        rows = ([read(each) for read in columns.values()] for each in found)
        print_rows(list(columns), rows)


def print_record(found: T, fields: Columns[T], output: Format | None) -> bool:
    """Print one record, a field a line; return whether that was for people."""
    if wants_json(output):
        print_json(found)
        return False
    print_pairs({name: read(found) for name, read in fields.items()})
    return True


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, one row a line, however narrow the terminal; only long texts are folded."""
    cells = [[cell(value) for value in row] for row in rows]
    table, needed = Table(box=None, pad_edge=False, header_style="bold"), 0
    for number, column in enumerate(columns):
        longest = max([len(column), *(row[number].cell_len for row in cells)])
        width = longest if number == 0 else min(longest, WIDEST_COLUMN)
        table.add_column(column, width=width, no_wrap=number == 0, overflow="fold")
        needed += width + len(BETWEEN_COLUMNS)
    for row in cells:
        table.add_row(*row)
    console = Console(highlight=False)
    # Folded to a terminal's width, or to the 80 columns of a pipe, nothing could be read or found.
    console.width = max(console.width, needed)
    console.print(table)


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print names and values, leaving out those without a value; URLs stay in one piece."""
    shown = {name: text for name, value in pairs.items() if (text := cell(value))}
    console, width = Console(highlight=False), max(map(len, shown), default=0)
    for name, value in shown.items():
        if len(value.plain.split()) == 1:
            line = Text.assemble((name.ljust(width), "bold"), BETWEEN_COLUMNS, value)
            console.print(line, soft_wrap=True)
            continue
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True, width=width)
        table.add_column(overflow="fold")
        table.add_row(name, value)
        console.print(table)


def cell(value: object) -> Text:
    """Return a value as people read it; nothing, and no, are empty."""
    match value:
        case Text():
            return value
        case None | False:
            return Text()
        case True:
            return Text("yes")
        case datetime():
            return Text(local_time(value))
        case StrEnum():
            return status(value)
        case list() | tuple():
            return Text(", ".join(plain(str(each)) for each in value))
        case _:
            return Text(plain(str(value)))


def status(text: str) -> Text:
    """Return a status in its colour."""
    return Text(plain(text), style=STYLES.get(text, ""))
