"""Uploaded documents."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backburner.models.base import Reply
from backburner.models.jobs import Failure


class DocumentState(StrEnum):
    """Whether a document was processed. A job that was canceled leaves the state of before."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


class Document(Reply):
    """One uploaded file.

    Attributes:
        state: Whether `process_document` has read it.
        job_id: The job that processes it now, or the last one that did.
        error: Why its last processing failed.
    """

    document_id: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime | None = None
    state: DocumentState = DocumentState.PENDING
    job_id: UUID | None = None
    processed_at: datetime | None = None
    error: Failure | None = None
