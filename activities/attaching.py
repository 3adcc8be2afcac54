"""Giving documents to the model as original files: each is uploaded once and used many times."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import openai
from openai.types.responses import ResponseInputContentParam

from activities.fetching import fetched
from activities.provider_files import ProviderFiles, Uploaded
from jobs.errors import AttachmentTooLarge, ProviderFailure
from jobs.requests import DocumentPart, ResponseRequest
from jobs.values import Tenant
from settings import OpenAISettings
from storage import documents, provider_files
from storage.database import Database
from storage.documents import Document
from storage.objects import Objects
from storage.provider_files import Place

logger = logging.getLogger(__name__)

T = TypeVar("T")

UPLOADS_AT_ONCE = 4
"""Per process: each may hold tens of megabytes on disk and in flight."""

RENEWAL_SECONDS = 10.0
"""Between two renewals of a claim, which holds for 30 s."""

GLANCE_SECONDS = 0.2
"""Pause between two looks at a document that somebody else uploads, perhaps in another process."""

PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""What is sent as a picture: as a file, providers refuse it."""


@dataclass(frozen=True)
class Attacher:
    """Turns documents into what a request to the provider can name.

    Attributes:
        largest_bytes: Of one document, and of all documents of a request together.
    """

    db: Database
    objects: Objects
    files: ProviderFiles
    largest_bytes: int
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_AT_ONCE))

    def check(self, document: Document) -> None:
        """Make sure that a document may be given to the model.

        Raises:
            AttachmentTooLarge: It is larger than the provider takes.
        """
        if document.size_bytes > self.largest_bytes:
            raise AttachmentTooLarge(
                f"the document {document.name!r} has {document.size_bytes:,} bytes, "
                f"over {self.largest_bytes:,}"
            )

    def check_all(self, request: ResponseRequest) -> None:
        """Make sure that the documents of a request may be given to the model together.

        Raises:
            AttachmentTooLarge: They are larger than the provider takes.
        """
        parts = [each for each in request.input if isinstance(each, DocumentPart)]
        size = sum(each.size_bytes for each in parts)
        if size > self.largest_bytes:
            raise AttachmentTooLarge(
                f"the {len(parts)} documents of this step have {size:,} bytes together, "
                f"over {self.largest_bytes:,}"
            )

    async def content(self, tenant: Tenant, part: DocumentPart) -> ResponseInputContentParam:
        """Return how a request names a document, once it has been uploaded.

        Raises:
            DocumentNotFound: The document was deleted.
            ProviderFailure: It could not be uploaded.
        """
        file_id = await self._file_id(self._place(tenant, part))
        if part.media_type in PICTURES:
            return {"type": "input_image", "file_id": file_id, "detail": "auto"}
        return {"type": "input_file", "file_id": file_id}

    async def forget_lost(
        self,
        tenant: Tenant,
        request: ResponseRequest,
        content: Iterable[ResponseInputContentParam],
    ) -> bool:
        """Forget the files of a refused request that the provider does not have; False if it has.

        What a provider says about a file it does not know differs, and is never decided upon: it
        is asked for each one.

        Raises:
            ProviderFailure: It did not say.
        """
        is_lost = False
        for part, sent in zip(request.input, content, strict=True):
            file_id = sent.get("file_id")
            if not isinstance(part, DocumentPart) or not isinstance(file_id, str):
                continue
            if not await self.files.exists(file_id):
                await provider_files.forget(self.db, self._place(tenant, part), file_id)
                is_lost = True
        return is_lost

    def _place(self, tenant: Tenant, part: DocumentPart) -> Place:
        return Place(tenant, part.document_id, self.files.account)

    async def _file_id(self, place: Place) -> str:
        while (file_id := await provider_files.find(self.db, place)) is None:
            async with self.gate:
                claim = await provider_files.claim(self.db, place)
                if claim is not None:
                    await self._bring(place, claim)
            if claim is None:
                await asyncio.sleep(GLANCE_SECONDS)
        return file_id

    async def _bring(self, place: Place, claim: UUID) -> None:
        """Upload a document under a claim; the claim is over in the end, whatever happens."""
        try:
            document = await documents.get(self.db, place.tenant, place.document_id)
            uploaded = await self._renewing(claim, self._uploaded(document))
            if not await provider_files.store(
                self.db, claim, uploaded.file_id, uploaded.expires_at
            ):
                await self._discard(uploaded)
        finally:
            await provider_files.release(self.db, claim)

    async def _uploaded(self, document: Document) -> Uploaded:
        async with fetched(self.objects, document) as path:
            with path.open("rb") as file:
                return await self.files.upload(
                    file, name=document.name, media_type=document.media_type
                )

    async def _renewing(self, claim: UUID, work: Coroutine[Any, Any, T]) -> T:
        """Await something while holding a claim; cancelling the caller cancels the work."""
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=RENEWAL_SECONDS))[0]:
                await provider_files.renew(self.db, claim)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def _discard(self, uploaded: Uploaded) -> None:
        """Delete an upload that came too late; if that fails it expires by itself."""
        try:
            await self.files.delete(uploaded.file_id)
        except ProviderFailure as error:
            logger.info("file %s is left to expire: %s", uploaded.file_id, error.detail)


def open_attacher(
    sdk: openai.AsyncOpenAI, db: Database, objects: Objects, settings: OpenAISettings
) -> Attacher:
    """Build an attacher as the settings say."""
    files = ProviderFiles(
        sdk,
        lifetime=settings.file_lifetime,
        upload_timeout_seconds=settings.submit_timeout.total_seconds(),
    )
    return Attacher(db, objects, files, settings.max_file_bytes)
