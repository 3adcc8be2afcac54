"""Two kinds of database: a shared one for tests that mind their tenant, a fresh one for others."""

import uuid
from collections.abc import AsyncIterator

import pytest

from jobs.values import Tenant
from local.postgres import Postgres
from storage.database import Database, connect
from tests.conftest import TEMPLATE

CONNECTIONS = 16


@pytest.fixture(scope="session")
async def shared_url(postgres: Postgres) -> str:
    await postgres.create_database("shared", template=TEMPLATE)
    return postgres.dsn("shared")


@pytest.fixture(scope="session")
async def db(shared_url: str) -> AsyncIterator[Database]:
    """A database that other tests use, too."""
    async with connect(shared_url, pool_size=CONNECTIONS) as database:
        yield database


@pytest.fixture
async def fresh(database_url: str) -> AsyncIterator[Database]:
    """An empty database, for questions about all tenants."""
    async with connect(database_url, pool_size=CONNECTIONS) as database:
        yield database


@pytest.fixture
def tenant() -> Tenant:
    """A tenant without anything."""
    return Tenant(f"tenant-{uuid.uuid4().hex[:8]}")
