"""Deeds over the real servers, without a worker; the tests of a file share one database."""

import dataclasses
import uuid
from collections.abc import AsyncIterator

import pytest

from local.postgres import Postgres
from local.temporal import TemporalServer
from tests.activities.bench import Bench, benched
from tests.activities.lost import Never
from tests.activities.moody import Moody
from tests.activities.status_server import StatusServer, status_server
from tests.conftest import TEMPLATE
from tests.installation import Installation, installed


@pytest.fixture(scope="module")
async def workshop(
    postgres: Postgres,
    temporal: TemporalServer,
    emulator_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Installation]:
    """An installation for tests that look at nothing but their own jobs."""
    name = f"workshop_{uuid.uuid4().hex[:12]}"
    await postgres.create_database(name, template=TEMPLATE)
    async with installed(
        database_url=postgres.dsn(name),
        temporal_address=temporal.address,
        emulator_url=emulator_url,
        folder=tmp_path_factory.mktemp(name),
        queue=name,
    ) as installation:
        yield installation
    await postgres.drop_database(name)


@pytest.fixture
async def own(workshop: Installation) -> Installation:
    """The workshop, emptied of jobs and notices, with an emulator that remembers nothing."""
    await workshop.db.execute("DELETE FROM jobs")  # and, by cascade, their responses
    await workshop.db.execute("DELETE FROM inbox")
    await workshop.emulator.post("/reset")
    return dataclasses.replace(workshop, ids=[])


@pytest.fixture
async def bench(own: Installation) -> AsyncIterator[Bench]:
    async with benched(own, own.environment["OPENAI_BASE_URL"]) as bench:
        yield bench


@pytest.fixture
def moody(own: Installation) -> Moody:
    return Moody(own.db)


@pytest.fixture
async def shaky(own: Installation, moody: Moody) -> AsyncIterator[Bench]:
    """Deeds whose Postgres has moods."""
    house = dataclasses.replace(own, db=moody)
    async with benched(house, own.environment["OPENAI_BASE_URL"]) as bench:
        yield bench


@pytest.fixture
def without_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a notice can end a wait."""
    monkeypatch.setattr("activities.responses.PollSchedule", Never)


@pytest.fixture
async def provider() -> AsyncIterator[StatusServer]:
    async with status_server() as server:
        yield server


@pytest.fixture
async def scripted_bench(own: Installation, provider: StatusServer) -> AsyncIterator[Bench]:
    """Deeds whose provider says what the test wrote down, true or not."""
    async with benched(own, provider.url) as bench:
        yield bench
