"""What a job waits for besides responses."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from jobs.errors import DeadlineExceeded
from workflows.core import storable


class Waits:
    """The waits of one job, longest first.

    Args:
        remaining: Tells the time left until the job's deadline.
        show: Has a change shown to clients.
    """

    def __init__(self, remaining: Callable[[], timedelta], show: Callable[[], None]) -> None:
        self._remaining, self._show = remaining, show
        self._waits: list[str] = []

    @property
    def waiting_for(self) -> str | None:
        """What is waited for; of several waits, the longest."""
        return self._waits[0] if self._waits else None

    async def until(
        self, condition: Callable[[], bool], waiting_for: str, timeout: timedelta | None
    ) -> bool:
        """Wait for something a signal brings; return whether it came within `timeout`.

        Raises:
            DeadlineExceeded: The job's deadline passed first.
        """
        shown = storable.words(waiting_for)
        self._waits.append(shown)
        self._show()
        try:
            left = self._remaining()
            limit = left if timeout is None else min(timeout, left)
            came = await _within(limit, condition, waiting_for)
            if not came and limit == left:
                raise DeadlineExceeded(f"the deadline passed while waiting for {shown}")
        except GeneratorExit:
            # The worker stops and forgets the workflow, maybe while another one has the thread.
            raise
        except BaseException:
            self._end(shown)
            raise
        self._end(shown)
        return came

    def _end(self, shown: str) -> None:
        self._waits.remove(shown)
        self._show()


async def _within(limit: timedelta, condition: Callable[[], bool], waiting_for: str) -> bool:
    if condition() or limit <= timedelta(0):
        return condition()
    try:
        await workflow.wait_condition(
            condition, timeout=limit, timeout_summary=f"Deadline: {waiting_for}"
        )
    except TimeoutError:
        return condition()
    return True
