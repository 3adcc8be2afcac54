"""Claims about migrations: any number of starters, and nothing half done."""

import asyncio
import uuid

import asyncpg
import pytest

from storage.migrate import FOLDER, MigrationRefused, known_migrations, migrate

ONE, TWO, THREE = "20260101000001", "20260101000002", "20260101000003"


@pytest.fixture
async def empty_url(postgres):
    """A database without any schema."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    await postgres.create_database(name)
    yield postgres.dsn(name)
    await postgres.drop_database(name)


@pytest.fixture
def folder(tmp_path):
    """Write migrations and return their folder, a new one each time: files are read once."""

    def write(**files):
        place = tmp_path / uuid.uuid4().hex
        place.mkdir()
        for name, sql in files.items():
            (place / f"{name.removeprefix('f')}.sql").write_text(sql)
        return place

    return write


async def ask(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def applied(url):
    return await ask(url, "SELECT array_agg(version ORDER BY version) FROM schema_migrations")


async def has_table(url, name):
    return await ask(url, f"SELECT to_regclass('{name}') IS NOT NULL")  # our own names


async def test_eight_concurrent_starters_apply_each_file_once(empty_url):
    answers = await asyncio.gather(*(migrate(empty_url) for _ in range(8)))
    versions = [each.version for each in known_migrations()]
    assert sorted(answers, key=len)[:7] == [[]] * 7
    assert max(answers, key=len) == versions
    assert await applied(empty_url) == versions


async def test_migrating_again_applies_nothing(database_url):
    assert await migrate(database_url) == []


async def test_only_what_is_missing_is_applied(empty_url, folder):
    first = {f"f{ONE}_a": "CREATE TABLE a ()"}
    assert await migrate(empty_url, folder(**first)) == [ONE]
    more = first | {f"f{TWO}_b": "CREATE TABLE b ()", f"f{THREE}_c": "ALTER TABLE b ADD x int"}
    assert await migrate(empty_url, folder(**more)) == [TWO, THREE]


async def test_an_edited_file_is_refused(empty_url, folder):
    await migrate(empty_url, folder(**{f"f{ONE}_a": "CREATE TABLE a ()"}))
    with pytest.raises(MigrationRefused, match=f"{ONE} was edited"):
        await migrate(empty_url, folder(**{f"f{ONE}_a": "CREATE TABLE a (); "}))


async def test_a_newer_database_is_refused_and_left_alone(empty_url, folder):
    await migrate(empty_url, folder(**{f"f{TWO}_b": "CREATE TABLE b ()"}))
    with pytest.raises(MigrationRefused, match="newer than this code"):
        await migrate(empty_url, folder(**{f"f{ONE}_a": "CREATE TABLE a ()"}))
    assert await applied(empty_url) == [TWO]
    assert not await has_table(empty_url, "a")


@pytest.mark.parametrize("name", ["1_a", "a", f"{ONE}", f"{ONE}-a", f"{ONE}_a b", f"{ONE}0_a"])
async def test_a_file_with_another_kind_of_name_is_refused(empty_url, folder, name):
    with pytest.raises(MigrationRefused, match="is not named"):
        await migrate(empty_url, folder(**{f"f{name}": "SELECT 1"}))


async def test_two_files_with_one_number_are_refused(empty_url, folder):
    twins = folder(**{f"f{ONE}_a": "CREATE TABLE a ()", f"f{ONE}_b": "CREATE TABLE b ()"})
    with pytest.raises(MigrationRefused, match="twice"):
        await migrate(empty_url, twins)


async def test_a_failing_file_leaves_nothing_behind_and_keeps_what_came_before(empty_url, folder):
    broken = {f"f{ONE}_a": "CREATE TABLE a ()", f"f{TWO}_b": "CREATE TABLE b (); SELECT 1 / 0"}
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_url, folder(**broken))
    assert await applied(empty_url) == [ONE]
    assert not await has_table(empty_url, "b")
    mended = broken | {f"f{TWO}_b": "CREATE TABLE b ()"}
    assert await migrate(empty_url, folder(**mended)) == [TWO]


def test_the_files_of_this_version_are_named_and_ordered_by_number():
    versions = [each.version for each in known_migrations()]
    assert versions == sorted(set(versions))
    assert len(versions) == len(list(FOLDER.iterdir()))
