"""Erasing what is left of documents that were deleted, or never came to be."""

from dataclasses import dataclass

from storage import documents, erasures
from storage.database import Database
from storage.objects import Objects

BATCH = 200
"""Documents per pass: a backlog is worked off over several passes."""


@dataclass(frozen=True)
class DocumentEraser:
    """Erases what the gateway could not, or what was written after it had."""

    db: Database
    objects: Objects

    async def erase_objects(self) -> None:
        """Delete the objects of documents that are gone, once nobody writes any more."""
        for each in await erasures.due(self.db, limit=BATCH):
            await self.objects.delete_folder(each.tenant, documents.folder(each.document_id))
            await erasures.done(self.db, each.document_id)
