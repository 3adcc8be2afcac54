"""Claims about who we are and how far maintenance has read."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.database import connect
from storage.installation import installation_id, move_watermark, take_turn, watermark
from storage.migrate import migrate
from tests.storage.rows import FEW, new_tenant

moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 # the zone is given below
    datetime(2100, 1, 1),  # noqa: DTZ001 # the zone is given below
    timezones=st.just(UTC),
)


async def test_the_installation_keeps_its_id(fresh, database_url):
    first = await installation_id(fresh)
    await migrate(database_url)
    async with connect(database_url, pool_size=1) as again:
        assert await installation_id(again) == first


async def test_there_is_no_second_installation_in_one_database(fresh):
    with pytest.raises(asyncpg.UniqueViolationError):
        await fresh.execute("INSERT INTO installation DEFAULT VALUES")


async def test_what_was_never_read_has_no_watermark(db, tenant):
    assert await watermark(db, tenant) is None


@FEW
@given(st.lists(moments, min_size=1, max_size=6))
async def test_a_watermark_never_moves_back(db, reached):
    name = new_tenant()
    for index, moment in enumerate(reached, start=1):
        await move_watermark(db, name, moment)
        assert await watermark(db, name) == max(reached[:index])


async def test_competing_readers_leave_the_highest_watermark(db, tenant):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=(7 * each) % 12) for each in range(12)]
    await asyncio.gather(*(move_watermark(db, tenant, each) for each in moments))
    assert await watermark(db, tenant) == max(moments)


async def test_of_many_who_want_a_turn_one_gets_it(db, tenant):
    turns = [take_turn(db, tenant, timedelta(hours=1)) for _ in range(5)]
    assert sorted(await asyncio.gather(*turns)) == [False] * 4 + [True]
    assert not await take_turn(db, tenant, timedelta(hours=1))
    assert await take_turn(db, tenant, timedelta(0))
