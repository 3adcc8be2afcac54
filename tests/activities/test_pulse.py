"""Work that beats ends with the one who waits for it, and nothing of it is left over."""

import asyncio
import dataclasses
import gc
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.pulse import Pulse, beating


class AlreadyOver(Exception):
    """What `stubborn` answers to a cancel."""


async def stubborn(begun: asyncio.Event) -> None:
    """Answer a cancel with an error, as a deed does whose job was canceled meanwhile."""
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        raise AlreadyOver


async def test_a_cancel_ends_the_work_and_leaves_no_error_unread():
    begun = asyncio.Event()
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, told: reported.append(told.get("exception")))
    try:
        caller = asyncio.create_task(ActivityEnvironment().run(beating, stubborn(begun), Pulse))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        del caller
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    # The loop is shared: it may tell of others too.
    assert not [error for error in reported if isinstance(error, AlreadyOver)]


async def test_an_error_of_the_work_is_raised():
    async def fails() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await ActivityEnvironment().run(beating, fails(), Pulse)


async def test_the_heartbeat_timeout_sets_the_rhythm(monkeypatch: pytest.MonkeyPatch):
    bounds: list[tuple[float, float]] = []

    def uniform(shortest: float, longest: float) -> float:
        bounds.append((shortest, longest))
        return longest

    monkeypatch.setattr("activities.pulse.random.uniform", uniform)
    beats: asyncio.Queue[object] = asyncio.Queue()
    environment = ActivityEnvironment()
    environment.on_heartbeat = beats.put_nowait
    environment.info = dataclasses.replace(
        environment.info, heartbeat_timeout=timedelta(seconds=0.06)
    )
    waited = asyncio.Event()
    task = asyncio.create_task(environment.run(beating, waited.wait(), lambda: Pulse(polls=3)))
    assert [await beats.get(), await beats.get()] == [Pulse(polls=3)] * 2
    waited.set()
    assert await task
    assert set(bounds) == {(1 / 3, 2 / 3)}
