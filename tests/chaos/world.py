"""The stack under attack: real processes, with a line to the provider that can be cut."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from temporalio.client import Client

from jobs.webhooks import EVENT_TYPES, INCOMING_PATH
from local.ports import free_port
from local.stack import Stack, python, started
from tests.chaos.ear import Ear, listening
from tests.chaos.proxy import Line, line_to

KEY = "chaos"
HEADERS = {"Authorization": f"Bearer {KEY}"}
PAUSES = ["PT1S"] * 30
"""Between attempts at a callback; the receiver refuses a few, and nobody waits for days."""

LONG_WAIT_AFTER = "PT2S"
"""So that waits of both kinds are under way when something breaks."""


@dataclass(frozen=True)
class World:
    """Everything the clients, the faults and the checker need."""

    stack: Stack
    emulator: str
    line: Line
    ear: Ear
    http: aiohttp.ClientSession

    @property
    def gateway(self) -> str:
        """Where clients go."""
        return self.stack.addresses.gateway

    async def emulated(self, path: str) -> Any:
        """Ask the emulator what it knows."""
        async with self.http.get(f"{self.emulator}/__admin/{path}", headers=HEADERS) as reply:
            return await reply.json()

    async def rows(self, query: str) -> list[asyncpg.Record]:
        """Look into Postgres."""
        connection = await asyncpg.connect(self.stack.database_url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def temporal(self) -> Client:
        """Connect to Temporal."""
        return await Client.connect(self.stack.addresses.temporal)


@asynccontextmanager
async def world(folder: Path, seed: int) -> AsyncIterator[World]:
    """Start emulator, line, receiver, and a stack with two workers; stop all in the end."""
    emulator, line, gateway = free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{emulator}"
    async with AsyncExitStack() as parts:
        http = await parts.enter_async_context(aiohttp.ClientSession())
        arguments = ("-m", "local.openai_emulator", "--port", str(emulator))
        await parts.enter_async_context(python(folder, "emulator", dict(os.environ), *arguments))
        secret = await _webhooks(http, url, f"http://127.0.0.1:{gateway}{INCOMING_PATH}")
        between = await parts.enter_async_context(line_to("127.0.0.1", emulator, at=line))
        ear = await parts.enter_async_context(listening(seed))
        environment = {
            **os.environ,
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{line}/v1",
            "OPENAI_SUBMIT_TIMEOUT": "PT5S",
            "BACKBURNER_LONG_WAIT_AFTER": LONG_WAIT_AFTER,
            "BACKBURNER_CALLBACK_PAUSES": json.dumps(PAUSES),
            "BACKBURNER_OPENAI_WEBHOOK_SECRETS": json.dumps([secret]),
        }
        stack = await parts.enter_async_context(
            started(folder, environment, gateway_port=gateway, workers=2)
        )
        yield World(stack, url, between, ear, http)


async def _webhooks(http: aiohttp.ClientSession, emulator: str, target: str) -> str:
    endpoint = {"name": "backburner", "url": target, "event_types": list(EVENT_TYPES)}
    while True:
        try:
            async with http.post(
                f"{emulator}/v1/webhook_endpoints", json=endpoint, headers=HEADERS
            ) as reply:
                return str((await reply.json())["signing_secret"])
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)  # it is starting, in a process of its own
