"""What breaks, when, for how long: drawn from a seed, so that a run can be repeated."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tests.chaos import disk
from tests.chaos.diary import Diary
from tests.chaos.world import World

CALM = (0.5, 3.0)
"""Seconds between two faults."""

DOWN = (0.1, 4.0)
"""Seconds that something stays down, stopped, cut or slow."""

WATCH_SECONDS = 0.5

WRITERS = ("gateway", "worker", "worker-2")
"""Our own processes; all of them write to the object store."""


class Faults:
    """Breaks one thing after the other and mends it again.

    Processes are killed with SIGKILL and started again, or stopped with SIGSTOP and continued;
    the line to the provider is cut or slowed; Postgres and Temporal are killed under load; the
    disk of the object store is full.
    """

    def __init__(self, world: World, diary: Diary, seed: int) -> None:
        self._world, self._diary = world, diary
        self._dice = random.Random(f"faults-{seed}")
        self.over = asyncio.Event()

    async def rage(self, seconds: float) -> None:
        """Break things for some seconds, then be `over` and only see to it that everything runs."""
        kinds: tuple[Callable[[float], Awaitable[None]], ...] = (
            self._kill_process,
            self._kill_process,
            self._freeze_process,
            self._kill_postgres,
            self._kill_temporal,
            self._cut_line,
            self._slow_line,
            *([self._fill_disk] * 2 if disk.CAN_FILL else []),
        )
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            await asyncio.sleep(self._dice.uniform(*CALM))
            await self._dice.choice(kinds)(self._dice.uniform(*DOWN))
            await self._start_again()
        self.over.set()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await self._start_again()

    async def _start_again(self) -> None:
        """Start what gave up, because it came up while Postgres was away, as containers are."""
        for name in WRITERS:
            process = self._world.stack.processes[name]
            if not process.running:
                self._diary.write("ended", part=name, exit_code=process.exit_code)
                await process.start()

    async def _kill_process(self, seconds: float) -> None:
        name = self._dice.choice(WRITERS)
        self._note("kill", name, seconds)
        process = self._world.stack.processes[name]
        await process.kill()
        await asyncio.sleep(seconds)
        await process.start()

    async def _freeze_process(self, seconds: float) -> None:
        name = self._dice.choice(WRITERS)
        self._note("freeze", name, seconds)
        pid = self._world.stack.processes[name].pid
        with suppress(ProcessLookupError):  # it has just given up by itself
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    async def _kill_postgres(self, seconds: float) -> None:
        self._note("kill", "postgres", seconds)
        await self._world.stack.postgres.kill()
        await asyncio.sleep(seconds)
        await self._world.stack.postgres.start()

    async def _kill_temporal(self, seconds: float) -> None:
        self._note("kill", "temporal", seconds)
        await self._world.stack.temporal.kill()
        await asyncio.sleep(seconds)
        await self._world.stack.temporal.start()

    async def _cut_line(self, seconds: float) -> None:
        self._note("cut", "provider", seconds)
        self._world.line.cut()
        await asyncio.sleep(seconds)
        self._world.line.mend()

    async def _slow_line(self, seconds: float) -> None:
        self._note("slow", "provider", seconds)
        self._world.line.delay = self._dice.uniform(0.1, 1.0)
        await asyncio.sleep(seconds)
        self._world.line.mend()

    async def _fill_disk(self, seconds: float) -> None:
        self._note("fill", "object store", seconds)
        writers = [self._world.stack.processes[name] for name in WRITERS]
        disk.fill(writers)
        await asyncio.sleep(seconds)
        disk.empty(writers)

    def _note(self, fault: str, part: str, seconds: float) -> None:
        more: dict[str, Any] = {"fault": fault, "part": part, "seconds": round(seconds, 1)}
        self._diary.write("fault", **more)
