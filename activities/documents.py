"""Implements `DocumentDeeds`: stored files become text chunks that a model can read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio import activity

from activities.attaching import Attacher
from activities.extraction.extract import ExtractedText, extract
from activities.fetching import fetched
from activities.prices import window_tokens
from activities.pulse import Pulse, beating
from jobs.chunking import chunk_characters, split_under_header
from jobs.errors import DocumentFailure, JobCanceled
from jobs.ports import DocumentDeeds
from jobs.requests import (
    AttachRequest,
    DocumentPart,
    ExtractedDocument,
    ExtractRequest,
    StoredText,
)
from storage import documents, job_moves
from storage.database import Database
from storage.documents import Document
from storage.objects import Objects


@dataclass(frozen=True)
class Documents(DocumentDeeds):
    """The deeds that read documents."""

    db: Database
    objects: Objects
    default_model: str
    attacher: Attacher

    @activity.defn(name="attach_document")
    async def attach_document(self, request: AttachRequest) -> DocumentPart:
        """Make sure that a document can be given to the model as the original file.

        Raises:
            DocumentNotFound: The tenant has no such document.
            AttachmentTooLarge: The provider would not take it.
        """
        document = await documents.get(self.db, request.job.tenant, request.document_id)
        with _naming(document):
            self.attacher.check(document)
        return DocumentPart(
            document_id=document.id,
            name=document.name,
            media_type=document.media_type,
            size_bytes=document.size_bytes,
            sha256=document.sha256,
        )

    @activity.defn(name="extract_document")
    async def extract_document(self, request: ExtractRequest) -> ExtractedDocument:
        """Turn a stored document into text chunks.

        Raises:
            DocumentFailure: The document is missing, or cannot be read; the code says why.
            JobCanceled: Nobody waits for it any more.
        """
        job = request.job
        if not await job_moves.mark_running(self.db, job):
            raise JobCanceled("the job has ended or is being canceled")
        document = await documents.get(self.db, job.tenant, request.document_id)
        limit = chunk_characters(window_tokens(request.model or self.default_model))
        known = await documents.get_text(self.db, job.tenant, document.id, limit)
        if known is not None:
            return known
        with _naming(document):
            text = await beating(self._read(document), Pulse)
        found = await self._store(document, text, limit)
        await documents.put_text(self.db, job.tenant, found, limit)
        return found

    async def _read(self, document: Document) -> ExtractedText:
        async with fetched(self.objects, document) as path:
            return await extract(path, name=document.name)

    async def _store(
        self, document: Document, text: ExtractedText, limit: int
    ) -> ExtractedDocument:
        folder = f"{documents.folder(document.id)}/texts"
        chunks = [
            StoredText(
                key=await self.objects.put(document.tenant, folder, piece.encode()),
                characters=len(piece),
            )
            for piece in split_under_header(text.text, text.header_characters, limit)
        ]
        return ExtractedDocument(
            document_id=document.id,
            name=document.name,
            chunks=tuple(chunks),
            characters=text.characters,
            pages=text.pages,
        )


@contextmanager
def _naming(document: Document) -> Iterator[None]:
    try:
        yield
    except DocumentFailure as failure:
        failure.document_name = document.name
        raise
