"""Process the documents that nobody has processed yet: each one as a job of its own."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from jobs.errors import BY_CODE
from jobs.inputs import Words
from jobs.library import Claimed, DocumentState, ListedDocument
from jobs.status import JobStatus
from jobs.values import DocumentId, JobId
from workflows.core import Job, job
from workflows.core.documents import claim_documents

OF_NO_DOCUMENT = {"provider_unauthorized", "provider_not_found", "provider_quota_exhausted"}
"""Failures that would meet every document: then the rest is left as it is."""

STANDS: dict[DocumentState, Literal["already_processed", "failed_before", "in_progress"]] = {
    DocumentState.PROCESSED: "already_processed",
    DocumentState.FAILED: "failed_before",
    DocumentState.PENDING: "in_progress",
    DocumentState.PROCESSING: "in_progress",
}
"""What is said of a document that was named and not to be had; one that another job let go of in
this moment counts as in its hands."""


class ProcessPendingDocumentsInput(BaseModel):
    """Which documents, and how many."""

    limit: int = Field(default=50, ge=1, le=500, description="The oldest ones, this many at most.")
    document_ids: list[DocumentId] | None = Field(
        default=None, min_length=1, max_length=500, description="Only these; else all there are."
    )
    retry_failed: bool = Field(
        default=False, description="Take documents, too, whose processing failed before."
    )
    focus: Annotated[Words, Field(max_length=4_000)] | None = Field(
        default=None, description="Given to `process_document`."
    )
    document: Literal["text", "original"] = Field(
        default="text", description="Given to `process_document`."
    )
    at_once: int = Field(default=10, ge=1, le=50, description="Documents processed side by side.")


class DocumentReport(BaseModel):
    """What became of one document; the findings are the result of `job_id`."""

    document_id: DocumentId
    name: str = ""
    status: Literal[
        "processed",
        "failed",
        "canceled",
        "already_processed",
        "failed_before",
        "in_progress",
        "not_found",
    ]
    job_id: JobId | None = None
    error_code: str | None = None
    error_message: str | None = None


class ProcessPendingDocumentsOutput(BaseModel):
    """How many documents were processed, how many are left, and what became of each."""

    processed: int
    failed: int
    left: int
    documents: list[DocumentReport]


@job(
    "process_pending_documents",
    title="Process pending documents",
    expected=timedelta(minutes=5),
    deadline=timedelta(hours=24),
    failure_modes=(
        "provider_unauthorized",
        "provider_not_found",
        "provider_quota_exhausted",
        "deadline_exceeded",
    ),
)
class ProcessPendingDocuments(
    Job[ProcessPendingDocumentsInput, ProcessPendingDocumentsOutput],
):
    """Run `process_document` for documents whose state is `pending`, the oldest first.

    Made for a schedule: no document is given to two jobs, however many run at once. Of documents
    that are named, those processed already are told as such, with the job that has their findings.
    A document whose job is canceled, or never ran, is pending again.
    """

    done, total = 0, 0

    async def work(self, input: ProcessPendingDocumentsInput) -> ProcessPendingDocumentsOutput:
        self.payload = input.model_dump(include={"focus", "document"})
        claimed = await claim_documents(
            self,
            limit=input.limit,
            document_ids=input.document_ids,
            failed_too=input.retry_failed,
        )
        self.total = len(claimed.documents)
        self.progress_to("Processing documents", 0, self.total)
        reports = await self.gather(
            claimed.documents, self.process, name="documents", limit=input.at_once
        )
        return ProcessPendingDocumentsOutput(
            processed=sum(each.status == "processed" for each in reports),
            failed=sum(each.status == "failed" for each in reports),
            left=claimed.left,
            documents=[*reports, *_not_had(claimed, input.document_ids or [])],
        )

    async def process(self, document: ListedDocument) -> DocumentReport:
        """Process one document as a job of its own, and count it."""
        outcome = await self.run_job(
            "process_document",
            {"document_id": str(document.document_id), **self.payload},
            key=f"documents/{document.document_id}",
            summary=f"Process {document.name}",
        )
        failure = outcome.failure
        if failure is not None and failure.code in OF_NO_DOCUMENT:
            raise BY_CODE[failure.code](failure.message)
        self.done += 1
        self.progress_to("Processing documents", self.done, self.total)
        status: Literal["processed", "failed", "canceled"] = "canceled"
        if outcome.status is not JobStatus.CANCELED:
            status = "processed" if failure is None else "failed"
        return DocumentReport(
            document_id=document.document_id,
            name=document.name,
            status=status,
            job_id=outcome.job_id,
            error_code=failure.code if failure else None,
            error_message=failure.message if failure else None,
        )


def _not_had(claimed: Claimed, named: list[DocumentId]) -> list[DocumentReport]:
    """Say of each document that was named and not taken why it was not."""
    taken = {each.document_id for each in claimed.documents}
    stand = {
        each.document_id: DocumentReport(
            document_id=each.document_id,
            name=each.name,
            status=STANDS[each.state],
            job_id=each.job_id,
        )
        for each in claimed.others
    }
    return [
        stand.get(each) or DocumentReport(document_id=each, status="not_found")
        for each in dict.fromkeys(named)
        if each not in taken
    ]
