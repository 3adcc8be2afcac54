"""Erasing what is left of documents that were deleted, or never came to be."""

import logging
from dataclasses import dataclass

from activities.provider_files import ProviderFiles
from jobs.errors import ProviderBadRequest, ProviderFailure
from storage import documents, erasures, provider_files
from storage.database import Database
from storage.objects import Objects
from storage.provider_files import Owed

logger = logging.getLogger(__name__)

BATCH = 200
"""Documents per pass: a backlog is worked off over several passes."""


@dataclass(frozen=True)
class DocumentEraser:
    """Erases what the gateway could not, or what was written after it had."""

    db: Database
    objects: Objects
    files: ProviderFiles

    async def erase_objects(self) -> None:
        """Delete the objects of documents that are gone, once nobody writes any more."""
        for each in await erasures.due(self.db, limit=BATCH):
            await self.objects.delete_folder(each.tenant, documents.folder(each.document_id))
            await erasures.done(self.db, each.document_id)

    async def erase_files(self) -> None:
        """Delete the provider's files of documents that are gone, and files that have expired."""
        account = self.files.account
        for each in await provider_files.owed(self.db, account, limit=BATCH):
            if await self._is_deleted(each):
                await provider_files.drop(self.db, account, each)
            else:
                await provider_files.put_off(self.db, account, each)

    async def _is_deleted(self, each: Owed) -> bool:
        """Delete a file; one whose deletion the provider calls wrong is left to expire."""
        if each.file_id is None:
            return True
        try:
            await self.files.delete(each.file_id)
        except ProviderFailure as error:
            logger.warning("file %s could not be deleted: %s", each.file_id, error.detail)
            return isinstance(error, ProviderBadRequest)
        return True
