"""How long requests are repeated, and how long to pause between two of them."""

import asyncio
import random
import time
from datetime import timedelta

from backburner._deadline import Deadline

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0


class RetryBudget:
    """Pauses that grow with lasting trouble, until a limit is reached.

    Args:
        limit: How long one stretch of trouble may last.
        deadline: When waiting ends, whatever the limit.
    """

    def __init__(self, limit: timedelta, deadline: Deadline | None = None) -> None:
        self._limit = limit
        self._deadline = deadline or Deadline()
        self._ceiling_seconds = _FIRST_PAUSE_SECONDS
        self._since: float | None = None

    def restore(self) -> None:
        """Start afresh, because something went well."""
        self._ceiling_seconds = _FIRST_PAUSE_SECONDS
        self._since = None

    async def wait_or_raise(
        self,
        error: Exception,
        *,
        asked_seconds: float | None = None,
        at_most: timedelta = timedelta.max,
    ) -> None:
        """Pause before the next try, or raise the error when the pause would end too late.

        Args:
            error: The trouble.
            asked_seconds: The pause that the other side asked for; kept exactly, since asking
                earlier only makes its trouble last.
            at_most: A shorter limit for this kind of trouble.

        Raises:
            TimeoutError: The deadline comes first.
        """
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        pause = self._next_pause() if asked_seconds is None else asked_seconds
        if now + pause - self._since > min(self._limit, at_most).total_seconds():
            raise error
        await asyncio.sleep(self._deadline.limit(pause))

    def _next_pause(self) -> float:
        ceiling = self._ceiling_seconds
        self._ceiling_seconds = min(2 * ceiling, _LONGEST_PAUSE_SECONDS)
        # Clients of one gateway must not all come back at the same time after its restart.
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
