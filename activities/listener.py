"""Hears of notices as they come in and wakes the waits they are for; the dispatcher too.

Notices are hints. One that is lost costs nothing but the time to the next poll, so everything here
may fail at any moment; it only has to come back by itself and look at what it missed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg

from activities.watcher import Watcher
from jobs.errors import JobError, ServiceUnavailable
from storage import inbox, outbox
from storage.database import CONNECT_TIMEOUT, UNAVAILABLE, Connection, Database

logger = logging.getLogger(__name__)

PING_SECONDS = 5.0
"""A listener's connection that was cut stays silent for ever, unless it is spoken on."""

RECONNECT_SECONDS = 1.0


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
        loops = (self._listen, self._check_new_waits, self._adopt)
        tasks = [asyncio.create_task(_for_ever(each)) for each in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            with suppress(*UNAVAILABLE):
                connection = await asyncpg.connect(
                    self._url, timeout=CONNECT_TIMEOUT.total_seconds()
                )
                try:
                    await self._hear(connection)
                finally:
                    self._watcher.pushed = False
                    connection.terminate()
            logger.info("not listening for notices: polls find what ends meanwhile")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self, connection: Connection) -> None:
        await connection.add_listener(inbox.CHANNEL, self._heard)
        self._watcher.pushed = True
        await connection.add_listener(outbox.CHANNEL, lambda *_: self._wake_dispatcher())
        self._watcher.look_up_all()
        self._stranger_heard.set()
        self._wake_dispatcher()
        while True:
            await asyncio.sleep(PING_SECONDS)
            await connection.execute("SELECT 1", timeout=PING_SECONDS)

    def _heard(self, *notification: object) -> None:
        for response_id in str(notification[-1]).split(","):
            if not self._watcher.wake(response_id):
                self._stranger_heard.set()

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


async def _for_ever(loop: Callable[[], Awaitable[None]]) -> None:
    """Begin a loop again when it breaks: nobody would miss it, and all would become slow."""
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("listening goes on after an error nobody thought of")
        await asyncio.sleep(RECONNECT_SECONDS)
