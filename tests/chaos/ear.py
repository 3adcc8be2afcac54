"""Who is called back in a storm: a receiver that is in trouble itself, and remembers everything."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from local.ports import free_port

SLOW_SECONDS = 1.0
FATES = ("good",) * 6 + ("refuses", "hangs up", "is slow")


class Ear:
    """The receiver.

    Attributes:
        heard: Every request, in order: the id and what it told of, and whether it was accepted.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.heard: list[dict[str, Any]] = []
        self._dice = random.Random(f"ear-{seed}")

    async def hear(self, request: web.Request) -> web.Response:
        """Take a callback, or not."""
        body = await request.json()
        fate = self._dice.choice(FATES)
        self.heard.append(
            {
                "id": request.headers["webhook-id"],
                "event": body["type"],
                "job_id": body["job_id"],
                "status": body["status"],
                "accepted": fate in ("good", "is slow"),
            }
        )
        if fate == "hangs up" and request.transport is not None:
            request.transport.abort()
        if fate == "is slow":
            await asyncio.sleep(SLOW_SECONDS)  # the fault itself
        return web.Response(status=500 if fate == "refuses" else 204)


@asynccontextmanager
async def listening(seed: int) -> AsyncIterator[Ear]:
    """Serve the receiver for as long as the block lasts."""
    port = free_port()
    ear = Ear(f"http://127.0.0.1:{port}/hook", seed)
    app = web.Application()
    app.router.add_post("/hook", ear.hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SLOW_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield ear
    finally:
        await runner.cleanup()
