"""The tables `documents` and `document_texts`: uploaded files and the text found in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from jobs.errors import DocumentNotFound
from jobs.library import DocumentState
from jobs.model import Failure
from jobs.requests import ExtractedDocument
from jobs.values import DocumentId, JobId, Tenant
from storage.database import Database
from storage.erasures import WRITING
from storage.jobs import to_failure


@dataclass(frozen=True)
class Document:
    """One uploaded file; its bytes lie in the object store.

    Attributes:
        job_id: The job that processes it now, or else the last one that did.
        failure: Why its last processing failed, if it did.
    """

    id: DocumentId
    tenant: Tenant
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    object_key: str
    created_at: datetime
    state: DocumentState
    job_id: JobId | None
    processed_at: datetime | None
    failure: Failure | None


@dataclass(frozen=True)
class NewDocument:
    """A document about to be inserted; its bytes are stored already."""

    id: DocumentId
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    object_key: str


def folder(document_id: DocumentId) -> str:
    """Return the folder of the object store that holds a document's objects and no others.

    Documents share no object, even when their bytes are the same: whoever deletes one could not
    know that another is being stored at that moment.
    """
    return f"documents/{document_id}"


async def insert_all(db: Database, tenant: Tenant, new: list[NewDocument]) -> list[Document]:
    """Insert documents, all of them or none, and return them in the order given."""
    rows = await db.fetch(
        """
        WITH wanted AS (DELETE FROM erasures WHERE document_id = ANY($2))
        INSERT INTO documents (id, tenant, name, media_type, size_bytes, sha256, object_key)
        SELECT id, $1, name, media_type, size_bytes, sha256, object_key
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
            AS new (id, name, media_type, size_bytes, sha256, object_key)
        RETURNING *
        """,
        tenant,
        [each.id for each in new],
        [each.name for each in new],
        [each.media_type for each in new],
        [each.size_bytes for each in new],
        [each.sha256 for each in new],
        [each.object_key for each in new],
    )
    made = {row["id"]: _to_document(row) for row in rows}
    return [made[each.id] for each in new]


async def insert(
    db: Database,
    tenant: Tenant,
    *,
    document_id: DocumentId,
    name: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    object_key: str,
) -> Document:
    """Insert a document whose bytes are stored already."""
    row = await db.fetchrow(
        """
        INSERT INTO documents (id, tenant, name, media_type, size_bytes, sha256, object_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
        """,
        document_id,
        tenant,
        name,
        media_type,
        size_bytes,
        sha256,
        object_key,
    )
    if row is None:
        raise RuntimeError("INSERT … RETURNING gave no row")
    return _to_document(row)


async def get(db: Database, tenant: Tenant, document_id: DocumentId) -> Document:
    """Return a document.

    Raises:
        DocumentNotFound: The tenant has no such document.
    """
    row = await db.fetchrow(
        "SELECT * FROM documents WHERE tenant = $1 AND id = $2", tenant, document_id
    )
    if row is None:
        raise DocumentNotFound(f"no document {str(document_id)!r}")
    return _to_document(row)


async def page(
    db: Database,
    tenant: Tenant,
    *,
    after: tuple[datetime, DocumentId] | None,
    limit: int,
    states: Sequence[DocumentState] = (),
) -> list[Document]:
    """Return up to `limit` documents, newest first, that follow a position."""
    rows = await db.fetch(
        """
        SELECT * FROM documents WHERE tenant = $1
            AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
            AND (cardinality($5::text[]) = 0 OR state = ANY($5))
        ORDER BY created_at DESC, id DESC LIMIT $4
        """,
        tenant,
        *(after or (None, None)),
        limit,
        list(states),
    )
    return [_to_document(row) for row in rows]


async def delete(db: Database, tenant: Tenant, document_id: DocumentId) -> None:
    """Delete a document and its text; its objects are erased later if the caller does not.

    Raises:
        DocumentNotFound: The tenant has no such document.
    """
    gone = await db.fetchval(
        """
        WITH gone AS (
            DELETE FROM documents WHERE tenant = $1 AND id = $2 RETURNING id, tenant)
        INSERT INTO erasures (document_id, tenant, due_at)
        SELECT id, tenant, now() + $3::interval FROM gone RETURNING document_id
        """,
        tenant,
        document_id,
        WRITING,
    )
    if gone is None:
        raise DocumentNotFound(f"no document {str(document_id)!r}")


async def missing(db: Database, tenant: Tenant, document_ids: list[DocumentId]) -> list[DocumentId]:
    """Return those of the ids that name no document of the tenant, in the order given."""
    rows = await db.fetch(
        "SELECT id FROM documents WHERE tenant = $1 AND id = ANY($2)", tenant, document_ids
    )
    known = {row["id"] for row in rows}
    return [each for each in document_ids if each not in known]


async def get_text(
    db: Database, tenant: Tenant, document_id: DocumentId, chunk_characters: int
) -> ExtractedDocument | None:
    """Return the text found earlier, cut into chunks of this size, or None."""
    extracted = await db.fetchval(
        """
        SELECT extracted FROM document_texts t JOIN documents d ON d.id = t.document_id
        WHERE d.tenant = $1 AND d.id = $2 AND chunk_characters = $3
        """,
        tenant,
        document_id,
        chunk_characters,
    )
    return ExtractedDocument.model_validate(extracted) if extracted else None


async def put_text(
    db: Database, tenant: Tenant, text: ExtractedDocument, chunk_characters: int
) -> None:
    """Remember the text of a document; doing it again changes nothing."""
    await db.execute(
        """
        INSERT INTO document_texts (document_id, chunk_characters, extracted)
        SELECT id, $3, $4 FROM documents WHERE tenant = $1 AND id = $2
        ON CONFLICT DO NOTHING
        """,
        tenant,
        text.document_id,
        chunk_characters,
        text.model_dump(mode="json"),
    )


def _to_document(row: asyncpg.Record) -> Document:
    return Document(
        id=row["id"],
        tenant=Tenant(row["tenant"]),
        name=row["name"],
        media_type=row["media_type"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        object_key=row["object_key"],
        created_at=row["created_at"],
        state=DocumentState(row["state"]),
        job_id=row["holder_id"] if row["holder_reads"] else row["job_id"],
        processed_at=row["processed_at"],
        failure=to_failure(row),
    )
