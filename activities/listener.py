"""Hears of notices as they come in and wakes the waits they are for; the dispatcher too.

Notices are hints. One that is lost costs nothing but the time to the next poll, so everything here
may fail at any moment; it only has to come back by itself and look at what it missed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from activities.watcher import Watcher
from jobs.errors import JobError, ServiceUnavailable
from storage import inbox, outbox
from storage.database import Database
from storage.listening import going_on, listen

logger = logging.getLogger(__name__)


class Listener:
    """Listens on a connection of its own, past any pooler."""

    def __init__(
        self,
        url: str,
        db: Database,
        watcher: Watcher,
        adopt_strangers: Callable[[], Awaitable[None]],
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._url = url
        self._db = db
        self._watcher = watcher
        self._adopt_strangers = adopt_strangers
        self._wake_dispatcher = wake_dispatcher
        self._stranger_heard = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen, check new waits and adopt strangers for as long as the block lasts."""
        async with going_on(self._listen, self._check_new_waits, self._adopt):
            yield

    async def _listen(self) -> None:
        channels = {
            inbox.CHANNEL: self._heard,
            inbox.LET_GO: self._heard_of_let_go,
            outbox.CHANNEL: lambda _: self._wake_dispatcher(),
        }
        await listen(self._url, channels, self._hears)

    def _hears(self, hears: bool) -> None:
        self._watcher.pushed = hears
        if not hears:
            return
        self._watcher.look_up_all()
        self._stranger_heard.set()
        self._wake_dispatcher()

    def _heard(self, response_ids: str) -> None:
        if not response_ids:
            self._watcher.look_up_all()
            self._watcher.hurry()
            self._stranger_heard.set()
            return
        for response_id in response_ids.split(","):
            if not self._watcher.wake(response_id):
                self._stranger_heard.set()

    def _heard_of_let_go(self, response_ids: str) -> None:
        for response_id in response_ids.split(","):
            self._watcher.wake(response_id, is_notice=False)

    async def _check_new_waits(self) -> None:
        """Look up waits in the inbox, many at a time: their notice may have come before them."""
        while True:
            waits = await self._watcher.to_look_up()
            try:
                for response_id in await inbox.known(self._db, waits):
                    self._watcher.wake(response_id)
            except ServiceUnavailable:
                logger.info("the inbox does not answer: polls find what has ended")

    async def _adopt(self) -> None:
        while True:
            await self._stranger_heard.wait()
            self._stranger_heard.clear()
            try:
                await self._adopt_strangers()
            except JobError as error:
                # Maintenance tries again; a stranger is never urgent.
                logger.info("strangers were not looked at: %s", error.detail)
