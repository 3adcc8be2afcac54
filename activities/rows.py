"""Implements `RowDeeds`: stored files become rows."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue
from temporalio import activity

from activities.extraction.errors import PREDICATES, Refusal
from activities.pulse import Pulse, beating
from activities.tables import NoTable, rows_of
from jobs.errors import (
    BY_CODE,
    DocumentNotATable,
    DocumentNotFound,
    DocumentTooLarge,
    JobCanceled,
    TooManyRows,
)
from jobs.ports import RowDeeds
from jobs.rows import (
    LONGEST_ROW,
    MOST_CHARACTERS,
    MOST_ROWS,
    Rows,
    RowsRequest,
    compact,
    only,
    require,
)
from storage import documents, job_moves
from storage.database import Database
from storage.documents import Document
from storage.objects import Objects

LARGEST_BYTES = 32 * 1024 * 1024
"""Bytes of a table: many columns may be left out of it, but it is parsed in memory."""


@dataclass(frozen=True)
class Tables(RowDeeds):
    """The deeds that read tables."""

    db: Database
    objects: Objects

    @activity.defn(name="read_rows")
    async def read_rows(self, request: RowsRequest) -> Rows:
        """Read a CSV or JSON document as rows.

        Raises:
            DocumentFailure: The document is missing, no table, or too large; the code says why.
            ColumnNotFound: It has none of that name.
            JobCanceled: Nobody waits for it any more.
        """
        job = request.job
        if not await job_moves.mark_running(self.db, job):
            raise JobCanceled("the job has ended or is being canceled")
        document = await documents.get(self.db, job.tenant, request.document_id)
        found = await beating(self._read(document, request.columns), Pulse)
        return Rows(name=document.name, rows=tuple(found))

    async def _read(
        self, document: Document, columns: tuple[str, ...]
    ) -> list[dict[str, JsonValue]]:
        if document.size_bytes > LARGEST_BYTES:
            raise DocumentTooLarge(f"The table {document.name!r} has more than 32 MiB.")
        try:
            content = await self.objects.get(document.tenant, document.object_key)
        except FileNotFoundError as error:
            raise DocumentNotFound(f"the file of document {document.id} is gone") from error
        # In a thread: a large table takes a second, which other deeds and heartbeats need.
        return await asyncio.to_thread(checked, content, document.name, columns)


def checked(content: bytes, name: str, columns: Sequence[str]) -> list[dict[str, JsonValue]]:
    """Read the rows of a document, of which only these columns are kept.

    Raises:
        DocumentFailure: It is no table, or too large; the code says why.
        ColumnNotFound: It has none of that name.
    """
    try:
        return _within_bounds(rows_of(content, name), name, columns)
    except NoTable as error:
        raise DocumentNotATable(f"The document {name!r} {error}.") from error
    except Refusal as refusal:
        why = f"{PREDICATES[refusal.code]} ({refusal.detail})"
        raise BY_CODE[refusal.code](f"The document {name!r} {why}.") from refusal


def _within_bounds(
    rows: Iterator[dict[str, JsonValue]], name: str, columns: Sequence[str]
) -> list[dict[str, JsonValue]]:
    # Row by row: a short file can have long rows, for each of them names its cells.
    kept: list[dict[str, JsonValue]] = []
    known: set[str] = set()
    characters = 0
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise TooManyRows(f"The table {name!r} has more than {MOST_ROWS:,} rows.")
        known.update(row)
        kept.append(only(columns, row))
        size = len(compact(kept[-1]))
        if size > LONGEST_ROW:
            raise DocumentTooLarge(
                f"Row {number} of the table {name!r} has {size:,} characters; "
                f"{LONGEST_ROW:,} are allowed. Name the columns that are needed."
            )
        characters += size
        if characters > MOST_CHARACTERS:
            most = f"more than {MOST_CHARACTERS:,} characters"
            raise DocumentTooLarge(f"The table {name!r} has {most}.")
    require(columns, known)
    return kept
