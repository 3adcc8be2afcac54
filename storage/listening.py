"""A connection that hears what others say with NOTIFY, and comes back by itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import asyncpg

from storage.database import CONNECT_TIMEOUT, UNAVAILABLE, Connection

logger = logging.getLogger(__name__)

PING_SECONDS = 5.0
"""A listener's connection that was cut stays silent for ever, unless it is spoken on."""

RECONNECT_SECONDS = 1.0

Hear = Callable[[str], None]


async def listen(url: str, channels: Mapping[str, Hear], heard_now: Callable[[bool], None]) -> None:
    """Pass the payloads of some channels on, for ever.

    Notifications are hints: those that are sent while the connection is away are lost.

    Args:
        url: Postgres, past any pooler.
        channels: What to do with a payload, by channel.
        heard_now: Called with True when listening has begun, so that one can look at what was
            missed, and with False when nothing is heard any more.
    """
    while True:
        with suppress(*UNAVAILABLE):
            connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT.total_seconds())
            try:
                for channel, hear in channels.items():
                    await connection.add_listener(channel, _only_payload(hear))
                heard_now(True)
                await _stay(connection)
            finally:
                heard_now(False)
                connection.terminate()
        logger.info("not listening to %s: polls find what happens meanwhile", ", ".join(channels))
        await asyncio.sleep(RECONNECT_SECONDS)


def _only_payload(hear: Hear) -> Callable[..., None]:
    return lambda *notification: hear(str(notification[-1]))


async def _stay(connection: Connection) -> None:
    while True:
        await asyncio.sleep(PING_SECONDS)
        await connection.execute("SELECT 1", timeout=PING_SECONDS)


async def for_ever(loop: Callable[[], Awaitable[None]]) -> None:
    """Begin a loop again when it breaks: nobody would miss it, and all would become slow."""
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("a loop begins again after an error nobody thought of")
        await asyncio.sleep(RECONNECT_SECONDS)


@asynccontextmanager
async def going_on(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run loops, each of them `for_ever`, for as long as the block lasts."""
    tasks = [asyncio.create_task(for_ever(each)) for each in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
