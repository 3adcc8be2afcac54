"""One emulator on a free port for all tests here, reset before each."""

from collections.abc import AsyncIterator

import httpx2
import pytest
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
