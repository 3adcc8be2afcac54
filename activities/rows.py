"""Implements `RowDeeds`: stored files become rows."""

import asyncio
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
from jobs.rows import LONGEST_ROW, MOST_CHARACTERS, MOST_ROWS, Rows, RowsRequest, chosen, compact
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
        return await asyncio.to_thread(_checked, content, document.name, columns)


def _checked(content: bytes, name: str, columns: tuple[str, ...]) -> list[dict[str, JsonValue]]:
    try:
        rows = rows_of(content, name, MOST_ROWS)
    except NoTable as error:
        raise DocumentNotATable(f"The document {name!r} {error}.") from error
    except Refusal as refusal:
        why = f"{PREDICATES[refusal.code]} ({refusal.detail})"
        raise BY_CODE[refusal.code](f"The document {name!r} {why}.") from refusal
    if len(rows) > MOST_ROWS:
        raise TooManyRows(f"The table {name!r} has more than {MOST_ROWS:,} rows.")
    rows = chosen(rows, columns)
    sizes = [len(compact(row)) for row in rows]
    if (longest := max(sizes)) > LONGEST_ROW:
        raise DocumentTooLarge(
            f"Row {sizes.index(longest) + 1} of the table {name!r} has {longest:,} characters; "
            f"{LONGEST_ROW:,} are allowed. Name the columns that are needed."
        )
    if sum(sizes) > MOST_CHARACTERS:
        raise DocumentTooLarge(f"The table {name!r} has more than {MOST_CHARACTERS:,} characters.")
    return rows
