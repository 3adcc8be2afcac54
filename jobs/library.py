"""A tenant's documents as a whole: which are new, which are processed, who has one in hand."""

from datetime import timedelta
from enum import StrEnum

from jobs.model import JobRef
from jobs.values import DocumentId, JobId, Value


class DocumentState(StrEnum):
    """Whether a document was processed. A job that was canceled leaves the state of before."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


class DocumentOfJob(Value):
    """A document that a job begins to process."""

    job: JobRef
    document_id: DocumentId


class ClaimRequest(Value):
    """Keep documents for jobs that this one is going to run, so that no other job takes them.

    Attributes:
        limit: How many at the most, the oldest first.
        document_ids: Only these; None means all of the tenant's.
        failed_too: Whether documents are taken whose processing failed.
    """

    job: JobRef
    limit: int
    document_ids: tuple[DocumentId, ...] | None = None
    failed_too: bool = False


class ListedDocument(Value):
    """A document in a list; `job_id` is the last job that processed it to an end."""

    document_id: DocumentId
    name: str
    state: DocumentState
    job_id: JobId | None = None


class Claimed(Value):
    """The documents kept for a job.

    Attributes:
        others: Of the documents named, those that were not to be had, as they stand.
        left: Documents of the tenant that are pending still.
    """

    documents: tuple[ListedDocument, ...]
    others: tuple[ListedDocument, ...] = ()
    left: int = 0


class RecentRequest(Value):
    """Which documents were uploaded lately?"""

    job: JobRef
    newer_than: timedelta
    limit: int


class RecentDocuments(Value):
    """The documents uploaded lately, oldest first."""

    document_ids: tuple[DocumentId, ...]
