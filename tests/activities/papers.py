"""Documents as an upload leaves them."""

import hashlib
from uuid import uuid4

from jobs.values import DocumentId
from storage import documents
from storage.documents import Document
from tests.installation import TENANT, Installation


async def stored_document(house: Installation, name: str, content: bytes) -> Document:
    """Store a document with its row."""
    document_id = DocumentId(uuid4())
    return await documents.insert(
        house.db,
        TENANT,
        document_id=document_id,
        name=name,
        media_type="application/octet-stream",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        object_key=await house.objects.put(TENANT, documents.folder(document_id), content),
    )
