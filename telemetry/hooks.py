"""Hooks: operators' own code that is told of moments in the life of jobs.

It is strangers' code, so it gets a thread and an event loop of its own: whatever it does there, a
deed goes on. Each call is bounded in time, and so is the number of calls at once.
"""

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import cast

from jobs.moments import Moment
from jobs.registry import PluginRefused
from telemetry import instruments

logger = logging.getLogger("backburner.hooks")

ENTRY_POINT_GROUP = "backburner.hooks"
"""Installed packages name their hooks under this entry-point group."""

SECONDS = 10.0
"""How long a hook may take for one moment."""

MOST = 1000
"""Calls under way in one process; what comes on top of them is not told."""

Hook = Callable[[Moment], Awaitable[None]]


class HookRefused(PluginRefused):
    """An installed package names a hook that cannot be one."""


def discover() -> dict[str, Hook]:
    """Return the hooks of installed packages by the names of their entry points.

    Raises:
        HookRefused: One cannot be loaded, or is not an asynchronous function.
    """
    found: dict[str, Hook] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: each.name):
        try:
            hook = point.load()
        except (ImportError, AttributeError) as error:
            raise HookRefused(f"hook {point.name!r} cannot be loaded: {error}") from error
        if not inspect.iscoroutinefunction(hook):
            raise HookRefused(f"hook {point.name!r} ({point.value}) is not an async function")
        found[point.name] = cast(Hook, hook)
    return found


class Hooks:
    """Calls hooks, one task per hook and moment, until it is closed."""

    def __init__(self, hooks: Mapping[str, Hook], *, seconds: float = SECONDS) -> None:
        self._hooks = hooks
        self._seconds = seconds
        self._under_way: set[Future[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hooks", daemon=True)
        self._thread.start()

    def hand(self, moment: Moment) -> list[Future[None]]:
        """Have every hook told of a moment, and return at once; the futures never fail."""
        calls = []
        for name, hook in self._hooks.items():
            if len(self._under_way) >= MOST:
                _count(name, "dropped")
                continue
            call = asyncio.run_coroutine_threadsafe(self._tell(name, hook, moment), self._loop)
            self._under_way.add(call)
            call.add_done_callback(self._under_way.discard)
            calls.append(call)
        return calls

    async def _tell(self, name: str, hook: Hook, moment: Moment) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await hook(moment)
        except TimeoutError:
            logger.warning("hook %s took too long for %s", name, moment.kind)
            _count(name, "timed_out")
        except (Exception, SystemExit):  # whoever wrote it finds it in the log, and the job goes on
            logger.exception("hook %s failed at %s", name, moment.kind)
            _count(name, "failed")
        else:
            _count(name, "done")

    def close(self) -> None:
        """Let the calls under way end, in bounded time, and stop."""
        _, late = wait(set(self._under_way), timeout=self._seconds + 1)
        if late:
            logger.warning("%d calls of hooks were cut off", len(late))
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(timeout=2)
        if not self._thread.is_alive():  # else a hook holds it up for good
            self._loop.close()

    async def _end(self) -> None:
        cut_off = asyncio.all_tasks() - {asyncio.current_task()}
        for call in cut_off:
            call.cancel()
        if cut_off:
            await asyncio.wait(cut_off, timeout=1)
        self._loop.call_soon(self._loop.stop)


_installed: Hooks | None = None


@contextmanager
def installed(hooks: Mapping[str, Hook], *, seconds: float = SECONDS) -> Iterator[None]:
    """Tell these hooks of what happens in this process while the block lasts."""
    global _installed  # as with meters and tracers: one per process
    if not hooks:
        yield
        return
    logger.info("hooks: %s", ", ".join(hooks))
    for name in hooks:
        for outcome in ("failed", "timed_out", "dropped"):
            instruments.HOOK_CALLS.add(0, {"hook": name, "outcome": outcome})
    _installed = Hooks(hooks, seconds=seconds)
    try:
        yield
    finally:
        closing, _installed = _installed, None
        closing.close()


def hand(moment: Moment) -> list[Future[None]]:
    """Have every installed hook told of a moment, and return at once."""
    return _installed.hand(moment) if _installed else []


def _count(name: str, outcome: str) -> None:
    instruments.HOOK_CALLS.add(1, {"hook": name, "outcome": outcome})
