"""Putting documents into an installation, as an upload does."""

import hashlib
import time

from jobs.ids import uuid7
from jobs.requests import ExtractedDocument, StoredText
from jobs.values import DocumentId
from storage import documents
from tests.installation import TENANT, Installation


async def uploaded(house: Installation, name: str, text: str) -> DocumentId:
    """Store a text file whose text nobody has looked at yet."""
    content = text.encode()
    document_id = DocumentId(uuid7(time.time_ns() // 1_000_000))
    await documents.insert(
        house.db,
        TENANT,
        document_id=document_id,
        name=name,
        media_type="text/plain",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        object_key=await house.objects.put(TENANT, documents.folder(document_id), content),
    )
    return document_id


async def extracted(house: Installation, name: str, text: str, chunk_characters: int) -> DocumentId:
    """Store a document whose text was found earlier, so that no child process reads it."""
    document_id = await uploaded(house, name, text)
    key = await house.objects.put(TENANT, f"{documents.folder(document_id)}/texts", text.encode())
    found = ExtractedDocument(
        document_id=document_id,
        name=name,
        chunks=(StoredText(key=key, characters=len(text)),),
        characters=len(text),
    )
    await documents.put_text(house.db, TENANT, found, chunk_characters)
    return document_id
