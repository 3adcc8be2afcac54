"""The table `provider_files`: documents that lie at the provider, and who is bringing one there.

Whoever uploads holds a claim that runs out unless it is renewed, so that a document is uploaded
once however many steps want it, and that a worker that dies holds nobody up for long. What it may
have uploaded is known to nobody then, and expires at the provider by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from jobs.errors import DocumentNotFound
from jobs.values import DocumentId, Tenant
from storage.database import Database

LEASE = timedelta(seconds=30)
"""How long a claim holds unless it is renewed."""

LASTING = timedelta(hours=24)
"""A file has to live this much longer to be used: the slowest completion window takes 16 hours."""

PAUSE = timedelta(minutes=5)
"""Until a file is deleted again that could not be."""


@dataclass(frozen=True)
class Place:
    """Where a document lies in an account: whom a row is about."""

    tenant: Tenant
    document_id: DocumentId
    account: str


@dataclass(frozen=True)
class Owed:
    """A row that nobody needs any more.

    Attributes:
        file_id: What to delete at the provider first; None when nothing is known to be there.
    """

    document_id: DocumentId
    file_id: str | None


async def find(db: Database, place: Place) -> str | None:
    """Return the id of the file that a document lies in, None when none will last.

    Raises:
        DocumentNotFound: The tenant has no such document, or not any more.
    """
    row = await db.fetchrow(
        """
        SELECT f.file_id FROM documents d
        LEFT JOIN provider_files f
            ON f.document_id = d.id AND f.account = $3 AND f.expires_at > now() + $4::interval
        WHERE d.tenant = $1 AND d.id = $2
        """,
        place.tenant,
        place.document_id,
        place.account,
        LASTING,
    )
    if row is None:
        raise DocumentNotFound(f"no document {str(place.document_id)!r}")
    found: str | None = row["file_id"]
    return found


async def claim(db: Database, place: Place) -> UUID | None:
    """Take the upload of a document on; None when somebody else has, or it is done."""
    taken: UUID | None = await db.fetchval(
        """
        INSERT INTO provider_files AS f (document_id, account, claim, claimed_until)
        SELECT id, $3, $4, now() + $5::interval FROM documents WHERE tenant = $1 AND id = $2
        ON CONFLICT (document_id, account) DO UPDATE SET
            claim = excluded.claim, claimed_until = excluded.claimed_until,
            file_id = NULL, expires_at = NULL
        WHERE f.claimed_until <= now()
            AND (f.file_id IS NULL OR f.expires_at <= now() + $6::interval)
        RETURNING claim
        """,
        place.tenant,
        place.document_id,
        place.account,
        uuid4(),
        LEASE,
        LASTING,
    )
    return taken


async def renew(db: Database, claim: UUID) -> None:
    """Hold a claim for another while, unless somebody else has it by now."""
    await db.execute(
        "UPDATE provider_files SET claimed_until = now() + $2::interval WHERE claim = $1",
        claim,
        LEASE,
    )


async def release(db: Database, claim: UUID) -> None:
    """Let others upload; of a claim that was stored or lost it changes nothing."""
    await db.execute("UPDATE provider_files SET claimed_until = now() WHERE claim = $1", claim)


async def store(db: Database, claim: UUID, file_id: str, expires_at: datetime) -> bool:
    """Note what was uploaded under a claim; False when the claim was lost to somebody else."""
    stored = await db.fetchval(
        """
        UPDATE provider_files SET file_id = $2, expires_at = $3, claimed_until = now()
        WHERE claim = $1 RETURNING TRUE
        """,
        claim,
        file_id,
        expires_at,
    )
    return stored is True


async def forget(db: Database, place: Place, file_id: str) -> None:
    """Note that the provider does not have a file any more."""
    await db.execute(
        """
        UPDATE provider_files SET file_id = NULL, expires_at = NULL
        WHERE document_id = $1 AND account = $2 AND file_id = $3
        """,
        place.document_id,
        place.account,
        file_id,
    )


async def owed(db: Database, account: str, *, limit: int) -> list[Owed]:
    """Return rows of an account whose document is gone, or whose file has expired.

    A file that should have expired is deleted all the same: not every server keeps that promise.
    """
    rows = await db.fetch(
        """
        SELECT document_id, file_id FROM provider_files
        WHERE account = $1 AND claimed_until <= now() AND expires_at <= now()
        UNION
        SELECT document_id, file_id FROM erasures JOIN provider_files USING (document_id)
        WHERE account = $1 AND claimed_until <= now()
        LIMIT $2
        """,
        account,
        limit,
    )
    return [Owed(DocumentId(row["document_id"]), row["file_id"]) for row in rows]


async def drop(db: Database, account: str, each: Owed) -> None:
    """Forget a row whose file is deleted, unless another file took its place."""
    await db.execute(
        """
        DELETE FROM provider_files WHERE document_id = $1 AND account = $2
            AND file_id IS NOT DISTINCT FROM $3 AND claimed_until <= now()
        """,
        each.document_id,
        account,
        each.file_id,
    )


async def put_off(db: Database, account: str, each: Owed) -> None:
    """Try a file again later that could not be deleted."""
    await db.execute(
        """
        UPDATE provider_files SET claimed_until = now() + $4::interval
        WHERE document_id = $1 AND account = $2 AND file_id = $3 AND claimed_until <= now()
        """,
        each.document_id,
        account,
        each.file_id,
        PAUSE,
    )
