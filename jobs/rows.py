"""Rows of a table: what one job takes of them, and how they are put before a model."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, JsonValue

from jobs.errors import ColumnNotFound
from jobs.model import JobRef
from jobs.values import DocumentId, Value

MOST_ROWS = 5_000
MOST_CHARACTERS = 2_000_000
"""Characters of all rows together, as JSON: they travel through the workflow's history."""

LONGEST_ROW = 20_000
"""Characters of one row, as JSON."""


def compact(row: dict[str, Any]) -> str:
    r"""Return a row as JSON that holds no tag: `<` is written as its escape `\u003c`."""
    text = json.dumps(row, ensure_ascii=False, separators=(", ", ": "))
    return text.replace("<", "\\u003c")


def _bounded(row: dict[str, Any]) -> dict[str, Any]:
    if not row:
        raise ValueError("a row needs at least one column")
    if (size := len(compact(row))) > LONGEST_ROW:
        raise ValueError(f"a row has {size:,} characters; {LONGEST_ROW:,} are allowed")
    return row


Row = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
"""One row: its cells by column name."""


class RowsRequest(Value):
    """Read a document as rows.

    Attributes:
        columns: The columns wanted; empty takes all of them.
    """

    job: JobRef
    document_id: DocumentId
    columns: tuple[str, ...] = ()


class Rows(Value):
    """The rows of a document, in its order."""

    name: str
    rows: tuple[dict[str, JsonValue], ...]


def chosen(
    rows: Iterable[dict[str, JsonValue]], columns: Sequence[str]
) -> list[dict[str, JsonValue]]:
    """Keep these columns of each row, in this order; without any, keep everything.

    Raises:
        ColumnNotFound: No row has one of them.
    """
    rows = list(rows)
    require(columns, {name for row in rows for name in row})
    return [only(columns, row) for row in rows]


def only(columns: Sequence[str], row: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Keep these columns of a row, as far as it has them; without any, keep everything."""
    return {name: row[name] for name in columns if name in row} if columns else row


def require(columns: Sequence[str], known: Collection[str]) -> None:
    """Make sure that there are these columns.

    Raises:
        ColumnNotFound: One of them is not known.
    """
    absent = [name for name in columns if name not in known]
    if absent:
        there = ", ".join(map(repr, sorted(known)[:20])) or "none"
        raise ColumnNotFound(f"no column {absent[0]!r}; the columns are {there}")


def in_words(number: int, row: dict[str, JsonValue]) -> str:
    """Put a row before a model: on a line of its own, with its number as id."""
    return f'<row id="{number}">{compact(row)}</row>\n'
