"""The real servers every test may use: one Postgres, one Temporal, one emulator per session."""

import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvicorn
from temporalio.client import Client

from local.openai_emulator.app import create_app
from local.openai_emulator.settings import EmulatorSettings
from local.postgres import Postgres
from local.temporal import TemporalServer
from storage.migrate import migrate
from tests.installation import ATTRIBUTES, Installation, installed, serving
from tests.time_limits import pytest_pyfunc_call, pytest_runtest_setup

__all__ = ["pytest_pyfunc_call", "pytest_runtest_setup"]

TEMPLATE = "template_backburner"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def postgres(anyio_backend: str) -> AsyncIterator[Postgres]:
    async with Postgres(None, fsync=False) as server:
        await server.create_database(TEMPLATE)
        await migrate(server.dsn(TEMPLATE))
        yield server


@pytest.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """A fresh database with the current schema."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await postgres.create_database(name, template=TEMPLATE)
    yield postgres.dsn(name)
    await postgres.drop_database(name)


@pytest.fixture(scope="session")
async def temporal(anyio_backend: str) -> AsyncIterator[TemporalServer]:
    async with TemporalServer(None, ui=False, search_attributes=ATTRIBUTES) as server:
        yield server


@pytest.fixture
async def temporal_client(temporal: TemporalServer) -> Client:
    return await Client.connect(temporal.address)


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    settings = EmulatorSettings(latency_seconds=0)
    config = uvicorn.Config(create_app(settings), timeout_graceful_shutdown=1, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
async def bare(
    database_url: str, temporal: TemporalServer, emulator_url: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """An installation that no worker serves yet."""
    async with installed(
        database_url=database_url,
        temporal_address=temporal.address,
        emulator_url=emulator_url,
        folder=tmp_path,
        queue=f"q-{uuid.uuid4().hex[:12]}",
    ) as installation:
        await installation.emulator.post("/reset")
        yield installation


@pytest.fixture
async def house(bare: Installation) -> AsyncIterator[Installation]:
    """An installation with a worker in this process."""
    async with serving(bare):
        yield bare
