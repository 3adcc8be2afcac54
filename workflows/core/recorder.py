"""Writing progress: as often as it can be written, and never more than one write at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow

from jobs.model import ProgressReport
from workflows.core.records import record_progress


class Recorder:
    """Writes the progress of one job; what changes faster than it is written is skipped.

    Args:
        look: Returns what is to be written now.
        stop: Ends a job whose record says that it has ended already.
    """

    def __init__(
        self, look: Callable[[], ProgressReport], stop: Callable[[], Awaitable[None]]
    ) -> None:
        self._look, self._stop = look, stop
        self._is_closed = False
        self._writing: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Have something new written, unless a write is under way and will take it."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    def close(self) -> None:
        """Do not stop the job any more: it is about to end by itself.

        When news come while its end is recorded, Temporal throws that task away and runs it again,
        and a write of it finds that the job has ended.
        """
        self._is_closed = True

    async def idle(self) -> None:
        """Wait until no write is under way."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        """Write until nothing new was reported during the write."""
        written: ProgressReport | None = None
        while (report := self._look()) != written:
            if not await record_progress(report):
                if not (self._is_closed and workflow.patched("no-stop-at-the-end")):
                    await self._stop()
                return
            written = report
