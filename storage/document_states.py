"""Whether documents were processed: the columns of `documents` that jobs move.

A job that processes a document holds it, and lets go when its own row ends, in the same statement:
`LET_GO` is part of `storage/job_moves.py`. So a document is `processed` exactly when the job that
holds its findings has succeeded, whatever crashed in between. Jobs are locked before documents.
"""

from datetime import timedelta

import asyncpg

from jobs.library import (
    Claimed,
    ClaimRequest,
    DocumentOfJob,
    DocumentState,
    ListedDocument,
)
from jobs.values import DocumentId, Tenant
from storage.database import Database

LET_GO = """
    UPDATE documents SET holder_id = NULL, holder_reads = FALSE,
        state = CASE
            WHEN holder_reads AND job.status = 'succeeded' THEN 'processed'
            WHEN holder_reads AND job.status = 'failed' THEN 'failed'
            WHEN documents.job_id IS NULL THEN 'pending'
            WHEN documents.error_code IS NULL THEN 'processed'
            ELSE 'failed' END,
        job_id = CASE WHEN holder_reads AND job.status IN ('succeeded', 'failed')
            THEN job.id ELSE documents.job_id END,
        error_code = CASE WHEN holder_reads AND job.status IN ('succeeded', 'failed')
            THEN job.error_code ELSE documents.error_code END,
        error_message = CASE WHEN holder_reads AND job.status IN ('succeeded', 'failed')
            THEN job.error_message ELSE documents.error_message END,
        processed_at = CASE WHEN holder_reads AND job.status IN ('succeeded', 'failed')
            THEN now() ELSE documents.processed_at END
    FROM job WHERE documents.holder_id = job.id"""
"""Let go of what the ended jobs in `job` hold: what a job read ends as the job did, what it only
kept, or read until it was canceled, is as before."""


async def begin(db: Database, reading: DocumentOfJob) -> bool:
    """Give a document into the hands of a job that processes it; again, it changes nothing.

    Returns:
        Whether the job holds it: not if the job has ended, or another one has it in hand.
    """
    job = reading.job
    found = await db.fetchval(
        """
        WITH job AS (
            SELECT id, parent_id FROM jobs
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running') FOR SHARE)
        UPDATE documents SET state = 'processing', holder_id = job.id, holder_reads = TRUE
        FROM job WHERE tenant = $1 AND documents.id = $3
            AND (holder_id IS NULL OR holder_id = job.id
                OR (holder_id = job.parent_id AND NOT holder_reads)
                OR NOT EXISTS (SELECT FROM jobs holder WHERE holder.id = holder_id
                    AND holder.status IN ('pending', 'running')))
        RETURNING documents.id
        """,
        job.tenant,
        job.job_id,
        reading.document_id,
    )
    return found is not None


async def claim(db: Database, request: ClaimRequest) -> Claimed:
    """Keep documents for a job; asked again, it returns the same ones.

    Two claims at once never return the same document. A job that has ended gets none.
    """
    job, named = request.job, request.document_ids
    await let_go_of_the_dead(db, job.tenant)
    states = [DocumentState.PENDING, *([DocumentState.FAILED] if request.failed_too else [])]
    rows = await db.fetch(
        """
        WITH job AS (
            SELECT id FROM jobs
            WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'running') FOR SHARE),
        kept AS (SELECT id FROM documents WHERE holder_id = $2 AND NOT holder_reads),
        picked AS (
            SELECT documents.id FROM documents, job
            WHERE tenant = $1 AND state = ANY($3) AND ($4::uuid[] IS NULL OR documents.id = ANY($4))
            ORDER BY created_at, documents.id
            LIMIT greatest(0, $5 - (SELECT count(*) FROM kept))
            FOR UPDATE OF documents SKIP LOCKED),
        taken AS (
            UPDATE documents SET state = 'processing', holder_id = $2
            FROM picked WHERE documents.id = picked.id)
        SELECT id AS document_id, name, state, job_id FROM documents
        WHERE id IN (SELECT id FROM picked UNION SELECT id FROM kept) ORDER BY created_at, id
        """,
        job.tenant,
        job.job_id,
        states,
        named,
        request.limit,
    )
    mine = [_listed(row) for row in rows]
    return Claimed(
        documents=tuple(mine),
        others=await _others(db, job.tenant, named or (), {each.document_id for each in mine}),
        left=await _pending(db, job.tenant),
    )


async def let_go_of_the_dead(db: Database, tenant: Tenant | None = None) -> None:
    """Take back what ended or vanished jobs hold still, of one tenant or of all.

    A job that begins with a document in the moment it is ended from outside leaves it so, and an
    older worker, which knows of no states, does.
    """
    await db.execute(
        f"""
        WITH job AS (
            SELECT held.holder_id AS id, COALESCE(jobs.status, 'canceled') AS status,
                jobs.error_code, jobs.error_message
            FROM (SELECT DISTINCT holder_id FROM documents
                  WHERE holder_id IS NOT NULL AND ($1::text IS NULL OR tenant = $1)) held
            LEFT JOIN jobs ON jobs.id = held.holder_id
            WHERE jobs.status IS NULL OR jobs.status IN ('succeeded', 'failed', 'canceled'))
        {LET_GO}
        """,  # noqa: S608 # constant
        tenant,
    )


async def recent(
    db: Database, tenant: Tenant, newer_than: timedelta, limit: int
) -> list[DocumentId]:
    """Return the newest documents that are younger than this, the oldest of them first."""
    rows = await db.fetch(
        """
        SELECT id FROM documents WHERE tenant = $1 AND created_at > now() - $2::interval
        ORDER BY created_at DESC, id DESC LIMIT $3
        """,
        tenant,
        newer_than,
        limit,
    )
    return [row["id"] for row in reversed(rows)]


async def _others(
    db: Database, tenant: Tenant, named: tuple[DocumentId, ...], mine: set[DocumentId]
) -> tuple[ListedDocument, ...]:
    rows = await db.fetch(
        """
        SELECT id AS document_id, name, state, job_id FROM documents
        WHERE tenant = $1 AND id = ANY($2)
        """,
        tenant,
        [each for each in named if each not in mine],
    )
    return tuple(_listed(row) for row in rows)


async def _pending(db: Database, tenant: Tenant) -> int:
    count: int = await db.fetchval(
        "SELECT count(*) FROM documents WHERE tenant = $1 AND state = 'pending'", tenant
    )
    return count


def _listed(row: asyncpg.Record) -> ListedDocument:
    return ListedDocument.model_validate(dict(row))
