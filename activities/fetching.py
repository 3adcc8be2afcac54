"""Documents as files on disk, for as long as they are needed."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from jobs.errors import DocumentNotFound
from storage.documents import Document
from storage.objects import Objects


@asynccontextmanager
async def fetched(objects: Objects, document: Document) -> AsyncIterator[Path]:
    """Copy a document to a temporary file.

    Raises:
        DocumentNotFound: Its bytes are gone.
    """
    with tempfile.TemporaryDirectory(prefix="backburner-") as folder:
        path = Path(folder) / "document"
        try:
            with path.open("wb") as file:
                async for piece in objects.stream(document.tenant, document.object_key):
                    file.write(piece)
        except FileNotFoundError as error:
            raise DocumentNotFound(f"the file of document {document.id} is gone") from error
        yield path
