"""Implements `LibraryDeeds`: what is known of a tenant's documents, and who has one in hand."""

from dataclasses import dataclass

from temporalio import activity

from jobs.library import Claimed, ClaimRequest, DocumentOfJob, RecentDocuments, RecentRequest
from jobs.ports import LibraryDeeds
from storage import document_states
from storage.database import Database


@dataclass(frozen=True)
class Library(LibraryDeeds):
    """The deeds that look after documents as a whole."""

    db: Database

    @activity.defn(name="begin_document")
    async def begin_document(self, reading: DocumentOfJob) -> None:
        """Show that a job processes a document, unless another one has it in hand."""
        await document_states.begin(self.db, reading)

    @activity.defn(name="claim_documents")
    async def claim_documents(self, request: ClaimRequest) -> Claimed:
        """Keep documents for a job."""
        return await document_states.claim(self.db, request)

    @activity.defn(name="recent_documents")
    async def recent_documents(self, request: RecentRequest) -> RecentDocuments:
        """List the documents that were uploaded lately."""
        found = await document_states.recent(
            self.db, request.job.tenant, request.newer_than, request.limit
        )
        return RecentDocuments(document_ids=tuple(found))
