"""What jobs do with documents beside reading their text."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from jobs.library import Claimed, ClaimRequest, DocumentOfJob, RecentDocuments, RecentRequest
from jobs.ports import LibraryDeeds, RowDeeds
from jobs.queues import Queue
from jobs.rows import Rows, RowsRequest
from jobs.values import DocumentId
from workflows.core import queues, timing
from workflows.core.job import Job
from workflows.core.records import write


async def read_rows(
    job: Job[Any, Any], document_id: DocumentId, columns: Sequence[str] = ()
) -> list[dict[str, JsonValue]]:
    """Read a CSV or JSON document as rows; of all columns, or only of those named.

    Raises:
        ActivityError: The document is missing, or is no table; the cause carries the code.
    """
    found: Rows = await workflow.execute_activity_method(
        RowDeeds.read_rows,
        RowsRequest(job=job.ticket.job, document_id=document_id, columns=tuple(columns)),
        task_queue=queues.named(Queue.CPU),
        schedule_to_close_timeout=job.remaining(),
        start_to_close_timeout=timing.EXTRACTION,
        heartbeat_timeout=timing.HEARTBEAT,
        retry_policy=timing.PERSISTENT,
        summary=f"Read the rows of document {document_id}",
    )
    return list(found.rows)


async def begin_document(job: Job[Any, Any], document_id: DocumentId) -> None:
    """Show that the job processes a document; when the job ends, so does its processing.

    If another job has the document in hand, its state stays with that one.
    """
    await write(
        LibraryDeeds.begin_document,
        DocumentOfJob(job=job.ticket.job, document_id=document_id),
        f"Begin to process document {document_id}",
    )


async def claim_documents(
    job: Job[Any, Any],
    *,
    limit: int,
    document_ids: Sequence[DocumentId] | None = None,
    failed_too: bool = False,
) -> Claimed:
    """Keep documents that are not processed for children of this job; no other job gets them."""
    claimed: Claimed = await write(
        LibraryDeeds.claim_documents,
        ClaimRequest(
            job=job.ticket.job,
            limit=limit,
            document_ids=None if document_ids is None else tuple(document_ids),
            failed_too=failed_too,
        ),
        f"Take up to {limit} documents",
    )
    return claimed


async def recent_documents(
    job: Job[Any, Any], newer_than: timedelta, limit: int
) -> tuple[DocumentId, ...]:
    """Return the documents that were uploaded in this time, the newest `limit` of them."""
    found: RecentDocuments = await write(
        LibraryDeeds.recent_documents,
        RecentRequest(job=job.ticket.job, newer_than=newer_than, limit=limit),
        f"List documents newer than {newer_than}",
    )
    return found.document_ids
