"""Slow repairs share the time of a pass, and none of them takes it from the others."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import pytest

from activities import side_by_side
from activities.side_by_side import SideBySide
from jobs.values import JobId

IDS = [JobId(UUID(int=number)) for number in range(5)]


class Repairs:
    """Repairs that end when a test says so."""

    def __init__(self, count: int = len(IDS)) -> None:
        self.ids = IDS[:count]
        self.begun: list[JobId] = []
        self.stopped: list[JobId] = []
        self.answered = asyncio.Event()

    @property
    def all(self) -> dict[JobId, Callable[[], Awaitable[None]]]:
        return {each: partial(self._make, each) for each in self.ids}

    async def _make(self, job_id: JobId) -> None:
        self.begun.append(job_id)
        try:
            await self.answered.wait()
        except asyncio.CancelledError:
            self.stopped.append(job_id)
            raise


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "AT_ONCE", 2)
    monkeypatch.setattr(side_by_side, "PATIENCE_SECONDS", 0.05)


async def test_a_pass_does_not_wait_for_what_is_slow_and_does_not_begin_it_twice():
    repairs, beside = Repairs(2), SideBySide()
    await beside.make(repairs.all)
    await beside.make(repairs.all)
    assert sorted(repairs.begun) == repairs.ids
    repairs.answered.set()
    await beside.make({})
    assert repairs.stopped == []


async def test_only_so_many_are_under_way_and_the_others_follow():
    repairs, beside = Repairs(), SideBySide()
    await beside.make(repairs.all)
    assert len(repairs.begun) == 2
    repairs.answered.set()
    await beside.make({each: made for each, made in repairs.all.items() if each in repairs.begun})
    await beside.make(
        {each: made for each, made in repairs.all.items() if each not in repairs.begun}
    )
    assert sorted(repairs.begun) == repairs.ids


async def test_what_spoils_one_is_raised_after_all_others_were_made():
    async def breaks() -> None:
        raise ZeroDivisionError("nobody thought of it")

    repairs, beside = Repairs(4), SideBySide()
    repairs.answered.set()
    with pytest.raises(ZeroDivisionError):
        await beside.make(repairs.all | {IDS[4]: breaks})
    assert sorted(repairs.begun) == repairs.ids


async def test_what_is_under_way_in_the_end_is_stopped():
    repairs, beside = Repairs(2), SideBySide()
    await beside.make(repairs.all)
    await beside.stop()
    assert sorted(repairs.stopped) == repairs.ids
