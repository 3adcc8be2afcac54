"""One emulator on a free port for all tests here, reset before each."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest
from aiohttp import web
from openai import AsyncOpenAI


# Building a client loads the certificate store, a tenth of a second; two serve the whole session.
@pytest.fixture(scope="session")
async def admin_client(emulator_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"{emulator_url}/__admin") as client:
        yield client


@pytest.fixture(scope="session")
async def openai_client(emulator_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="emulated", base_url=f"{emulator_url}/v1", max_retries=0, timeout=10
    ) as client:
        yield client


@pytest.fixture
async def admin(admin_client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    assert (await admin_client.post("/reset")).status_code == 204
    return admin_client


@pytest.fixture
async def openai(openai_client: AsyncOpenAI, admin: httpx2.AsyncClient) -> AsyncOpenAI:
    return openai_client


class Receiver:
    """An endpoint that keeps what it was sent; it answers `statuses` in turn, then 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.url = ""
        self._came: asyncio.Queue[tuple[Mapping[str, str], bytes]] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.Response:
        self._came.put_nowait((request.headers, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": self.url})

    async def next(self) -> tuple[Mapping[str, str], bytes]:
        async with asyncio.timeout(5):
            return await self._came.get()

    async def next_event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((await self.next())[1])
        return event

    @property
    def is_empty(self) -> bool:
        return self._came.empty()


@pytest.fixture
async def receiver(admin: httpx2.AsyncClient) -> AsyncIterator[Receiver]:
    receiving = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiving.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    receiving.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    yield receiving
    await runner.cleanup()
