"""Documents as a job can use them: as text, and as they are."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from jobs.model import Ticket
from jobs.ports import DocumentDeeds
from jobs.queues import Queue
from jobs.requests import AttachRequest, DocumentPart, ExtractedDocument, ExtractRequest
from jobs.values import DocumentId
from workflows.core import queues, timing


async def extract(
    ticket: Ticket[Any], document_id: DocumentId, remaining: timedelta
) -> ExtractedDocument:
    """Turn a document into text chunks, on the queue of those who can read documents."""
    found: ExtractedDocument = await workflow.execute_activity_method(
        DocumentDeeds.extract_document,
        ExtractRequest(job=ticket.job, document_id=document_id, model=ticket.options.model),
        task_queue=queues.named(Queue.CPU),
        schedule_to_close_timeout=remaining,
        start_to_close_timeout=timing.EXTRACTION,
        heartbeat_timeout=timing.HEARTBEAT,
        retry_policy=timing.PERSISTENT,
        summary=f"Read document {document_id}",
    )
    return found


async def attach(
    ticket: Ticket[Any], document_id: DocumentId, remaining: timedelta
) -> DocumentPart:
    """Look a document up; what it takes to give it to the model happens at the submit."""
    part: DocumentPart = await workflow.execute_activity_method(
        DocumentDeeds.attach_document,
        AttachRequest(job=ticket.job, document_id=document_id),
        schedule_to_close_timeout=remaining,
        start_to_close_timeout=timing.RECORD,
        retry_policy=timing.PERSISTENT,
        summary=f"Attach document {document_id}",
    )
    return part
