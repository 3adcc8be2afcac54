"""The table `erasures`: documents whose objects have to go, and when the last of them can.

All objects of a document lie in a folder of its own, so that whatever is left of it can be erased
without asking who else needs it. A row here survives the death of whoever was about to do that.
"""

from dataclasses import dataclass
from datetime import timedelta

from jobs.values import DocumentId, Tenant
from storage.database import Database

UPLOADING = timedelta(days=1)
"""An upload that has not become a document by then never will."""

WRITING = timedelta(hours=1)
"""How long after its deletion something may still be written about a document."""


@dataclass(frozen=True)
class Erasure:
    """A document whose objects have to go."""

    tenant: Tenant
    document_id: DocumentId


async def foresee(db: Database, tenant: Tenant, document_ids: list[DocumentId]) -> None:
    """Have documents erased that are about to be stored, unless they are inserted in time."""
    await db.execute(
        """
        INSERT INTO erasures (document_id, tenant, due_at)
        SELECT id, $2, now() + $3::interval FROM unnest($1::uuid[]) AS new (id)
        """,
        document_ids,
        tenant,
        UPLOADING,
    )


async def due(db: Database, *, limit: int) -> list[Erasure]:
    """Return documents that can be erased for good; one still at the provider is kept in mind."""
    rows = await db.fetch(
        """
        SELECT tenant, document_id FROM erasures e WHERE due_at <= now()
            AND NOT EXISTS (SELECT FROM documents d WHERE d.id = e.document_id)
            AND NOT EXISTS (SELECT FROM provider_files f
                WHERE f.document_id = e.document_id AND f.expires_at > now())
        ORDER BY due_at LIMIT $1
        """,
        limit,
    )
    return [Erasure(Tenant(row["tenant"]), DocumentId(row["document_id"])) for row in rows]


async def done(db: Database, document_id: DocumentId) -> None:
    """Note that nothing of a document is left."""
    await db.execute("DELETE FROM erasures WHERE document_id = $1", document_id)
