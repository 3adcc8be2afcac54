"""A test that takes too long fails where it hangs, and the tests after it go on.

pytest-timeout raises in the event loop, outside of the test's coroutine. That would be left behind
half-way, and the tear-down would wait for it for ever. So coroutines are cancelled by a deadline of
their own; pytest-timeout is for all that cannot be cancelled, and ends the process.
"""

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import anyio
import pytest

BEGAN = pytest.StashKey[float]()
TEAR_DOWN_SECONDS = 10.0
"""How much of its time a test leaves to its fixtures."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[BEGAN] = time.monotonic()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        elapsed = time.monotonic() - pyfuncitem.stash[BEGAN]
        pyfuncitem.obj = _bounded(pyfuncitem.obj, _limit(pyfuncitem) - elapsed - TEAR_DOWN_SECONDS)
    return (yield)


def _limit(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    if marker is not None:
        return float(marker.args[0])
    return float(item.config.getoption("timeout") or item.config.getini("timeout"))


def _bounded(
    test: Callable[..., Awaitable[None]], seconds: float
) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def bounded(*args: Any, **kwargs: Any) -> None:
        with anyio.fail_after(max(seconds, 0)):
            await test(*args, **kwargs)

    return bounded
