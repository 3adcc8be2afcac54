"""Work that beats ends with the one who waits for it, and nothing of it is left over."""

import asyncio
import gc

import pytest

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
        caller = asyncio.create_task(beating(stubborn(begun), Pulse))
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
        await beating(fails(), Pulse)
