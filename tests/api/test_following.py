"""Readers are told of ends; looking is for all other events, and for when nobody tells."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from api.follower import Follower
from api.waiting import until_ended
from jobs.errors import ServiceUnavailable
from storage import job_moves
from tests.installation import TENANT, Installation, eventually
from tests.storage.rows import ending, inserted, ref


@contextlib.asynccontextmanager
async def following(follower: Follower, url: str | None) -> AsyncIterator[None]:
    running = asyncio.create_task(follower.run(url))
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_reader_hears_of_the_end_without_anybody_looking(
    bare: Installation, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("POLL_SECONDS", "UNTOLD_POLL_SECONDS"):
        monkeypatch.setattr(f"api.follower.{name}", 3600)

    async def is_told() -> bool:
        return follower.is_told

    row, follower = await inserted(bare.db, TENANT), Follower(bare.db)
    async with following(follower, database_url):
        with follower.watching(row.id) as watch:
            await follower.next_look()  # the last one for an hour
            await eventually(is_told)
            assert await watch.beyond(0, timeout=0)
            await job_moves.finish(bare.db, ending(row))
            assert await watch.ended(timeout=30)


async def test_a_reader_is_told_of_the_end_by_looking_when_nobody_tells(bare: Installation):
    row, follower = await inserted(bare.db, TENANT), Follower(bare.db)
    async with following(follower, None):
        with follower.watching(row.id) as watch:
            await job_moves.finish(bare.db, ending(row))
            assert await watch.ended(timeout=30)
            assert not follower.is_told


async def test_who_waits_is_told_of_the_job_while_postgres_is_away(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
):
    async def away(*_: object) -> None:
        raise ServiceUnavailable("told so by the test")

    row, follower = await inserted(bare.db, TENANT), Follower(bare.db)
    monkeypatch.setattr("api.waiting.jobs.get", away)
    assert await until_ended(bare.db, follower, row, 0) == row


async def test_who_waits_for_the_end_is_not_woken_by_another_event(bare: Installation):
    row, follower = await inserted(bare.db, TENANT), Follower(bare.db)
    async with following(follower, None):
        with follower.watching(row.id) as watch:
            end = asyncio.create_task(watch.ended(timeout=30))
            await job_moves.mark_running(bare.db, ref(row))
            await follower.next_look()
            assert await watch.beyond(row.last_seq, timeout=30)
            assert not end.done()
            await job_moves.finish(bare.db, ending(row))
            assert await end
