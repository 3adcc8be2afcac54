"""Claims about a Postgres that is away: one name for it, and no new pool afterwards."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from jobs.errors import ServiceUnavailable
from local.ports import free_port
from local.postgres import Postgres
from storage import database, job_moves
from storage import jobs as job_rows
from storage.database import connect
from storage.migrate import migrate
from tests.storage.rows import again, inserted, ref


@pytest.fixture(scope="module")
async def own_postgres(anyio_backend):
    async with Postgres(None, fsync=False) as server:
        await migrate(server.dsn())
        yield server


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_an_outage_is_unavailable_and_the_pool_works_again_after_it(
    own_postgres, tenant, end
):
    async with connect(own_postgres.dsn(), pool_size=4) as db:
        row = await inserted(db, tenant)
        running = asyncio.create_task(db.fetchval("SELECT pg_sleep(30)"))
        others = [asyncio.create_task(db.fetchval("SELECT 1")) for _ in range(4)]
        await asyncio.gather(*others)
        await getattr(own_postgres, end)()
        with pytest.raises(ServiceUnavailable):
            await running
        for deed in (
            job_rows.get(db, tenant, row.id),
            inserted(db, tenant),
            job_moves.mark_running(db, ref(row)),
            db.execute("SELECT 1"),
            db.fetch("SELECT 1"),
        ):
            with pytest.raises(ServiceUnavailable, match=r"Postgres does not answer: ."):
                await deed
        await own_postgres.start()
        assert await again(db, row) == row
        assert len(await asyncio.gather(*(inserted(db, tenant) for _ in range(8)))) == 8


async def test_a_backend_that_is_ended_is_unavailable_once(own_postgres):
    async with connect(own_postgres.dsn(), pool_size=1) as db:
        with pytest.raises(ServiceUnavailable):
            await db.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await db.fetchval("SELECT 1") == 1


async def test_a_silent_server_is_unavailable(own_postgres, monkeypatch):
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT", timedelta(milliseconds=100))
    async with connect(own_postgres.dsn(), pool_size=1) as db:
        with pytest.raises(ServiceUnavailable):
            await db.fetchval("SELECT pg_sleep(5)")
        assert await db.fetchval("SELECT 1") == 1


async def test_waiting_too_long_for_a_free_connection_is_unavailable(own_postgres, monkeypatch):
    async with connect(own_postgres.dsn(), pool_size=1) as db:
        monkeypatch.setattr(database, "CONNECT_TIMEOUT", timedelta(milliseconds=100))
        busy = asyncio.create_task(db.fetchval("SELECT pg_sleep(0.5)"))
        await asyncio.sleep(0)  # lets the task take the only connection
        with pytest.raises(ServiceUnavailable):
            await db.fetchval("SELECT 1")
        await busy


@pytest.mark.parametrize(
    "code",
    ["53100", "53200", "57014", "58030", "40P01", "40001", "25006"],
    ids=["disk full", "no memory", "canceled", "i/o", "deadlock", "serialization", "read-only"],
)
async def test_a_server_that_cannot_do_it_now_is_unavailable(db, code):
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(ServiceUnavailable, match="not now"):
        await db.execute(raising)


@pytest.mark.parametrize(
    ("query", "arguments", "error"),
    [
        ("SELECT 1 / 0", (), asyncpg.DivisionByZeroError),
        ("SELECT $1::int", (2**40,), asyncpg.DataError),
        ("SELECT $1::int", ("x",), asyncpg.DataError),
        ("SELEC", (), asyncpg.PostgresSyntaxError),
    ],
)
async def test_a_mistake_of_ours_is_not_an_outage(db, query, arguments, error):
    with pytest.raises(error):
        await db.fetchval(query, *arguments)


async def test_opening_a_pool_where_nobody_listens_fails_at_once():
    with pytest.raises(OSError, match=r"refused|Connect"):
        async with connect(f"postgresql://x:y@127.0.0.1:{free_port()}/z", pool_size=1):
            pass
