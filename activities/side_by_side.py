"""Slow repairs made side by side, so that none of them holds a pass of maintenance up for long."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping

from jobs.values import JobId

AT_ONCE = 8
"""Repairs under way together."""

PATIENCE_SECONDS = 10.0
"""How long a pass waits for them. A silent provider takes half a minute for each, and a POST whose
id is not known yet more than one."""


class SideBySide:
    """Repairs of jobs, of which a pass begins as many as it has time for.

    What is slower than a pass goes on beside the next ones, as it could never end otherwise, and is
    not begun twice. What was not begun is up to the next pass.
    """

    def __init__(self) -> None:
        self._under_way: dict[JobId, asyncio.Task[None]] = {}

    async def make(self, repairs: Mapping[JobId, Callable[[], Awaitable[None]]]) -> None:
        """Make repairs, for some seconds, then raise what spoiled the first that was spoiled."""
        ends = time.monotonic() + PATIENCE_SECONDS
        left = [each for each in repairs if each not in self._under_way]
        # Not always the same ones first: they may be those that nobody answers.
        random.shuffle(left)
        troubles: list[BaseException] = []
        while (seconds := ends - time.monotonic()) > 0:
            while left and len(self._under_way) < AT_ONCE:
                job_id = left.pop()
                self._under_way[job_id] = asyncio.ensure_future(repairs[job_id]())
            if not self._under_way:
                break
            await asyncio.wait(
                self._under_way.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            troubles += self._troubles_of_the_ended()
        if troubles:
            raise troubles[0]

    async def stop(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        tasks = [*self._under_way.values()]
        self._under_way.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _troubles_of_the_ended(self) -> list[BaseException]:
        ended = [job_id for job_id, task in self._under_way.items() if task.done()]
        tasks = [self._under_way.pop(job_id) for job_id in ended]
        errors = [task.exception() for task in tasks if not task.cancelled()]
        return [error for error in errors if error is not None]
