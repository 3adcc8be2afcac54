"""Tells the workers of notices as they come in, many at a time when they come quickly."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import PostgresError

from jobs.errors import ServiceUnavailable
from storage import inbox
from storage.database import Database

LOG = logging.getLogger(__name__)


class Notifier:
    """Passes ids of ended responses on, outside of the transactions that wrote the notices down.

    The first id goes out at once; those that come while it is on its way go together in the next
    round. So nothing waits for a timer, and a crowd costs few statements. Before the first, and
    after some were lost, the workers are told to look for themselves: who died with notices
    untold, or while the provider sent some, left nothing else behind.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        # A dict, because it keeps the order and each id once.
        self._untold: dict[str, None] = {}
        self._has_untold = asyncio.Event()
        self._may_be_missed = True
        self._closing = False

    def tell(self, response_id: str) -> None:
        """Have the workers told soon; return at once."""
        self._untold[response_id] = None
        self._has_untold.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell for as long as the block lasts, and what is left then."""
        self._has_untold.set()
        telling = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._closing = True
            self._has_untold.set()
            await telling

    async def _run(self) -> None:
        while self._untold or not self._closing:
            await self._has_untold.wait()
            self._has_untold.clear()
            response_ids, self._untold = list(self._untold), {}
            await self._tell(response_ids)

    async def _tell(self, response_ids: list[str]) -> None:
        try:
            if self._may_be_missed:
                await inbox.tell_missed(self._db)
                self._may_be_missed = False
            await inbox.tell(self._db, response_ids)
        except (ServiceUnavailable, PostgresError) as error:
            # Not kept for later: the notices are written down. Workers read them when their own
            # connection is back, or with the next notice, and their polls find the rest.
            self._may_be_missed = True
            LOG.warning("the workers were not told of %d notices: %s", len(response_ids), error)
        except Exception:
            # Else nobody would be told any more; whoever reads the log sees it.
            self._may_be_missed = True
            LOG.exception("the workers were not told of %d notices", len(response_ids))
