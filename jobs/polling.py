"""When to ask the provider again: often while an answer is likely, seldom while it is not."""

from dataclasses import dataclass
from datetime import timedelta

SHORTEST = 1.0
"""Seconds between two polls of one response at the least; OpenAI's own examples poll every 2 s."""

LONGEST = 30.0
"""Seconds between two polls at the most, without a discounted completion window."""

PRECISION = 0.1
"""Share of the time waited so far that may pass unseen: a response of 100 s is seen within 10 s."""

SPREAD = 0.2
"""Share by which a random part lengthens each pause."""

FIRST_LOOK = 0.5
"""Share of the expected duration after which the first poll happens."""


@dataclass(frozen=True)
class PollSchedule:
    """The rhythm of polls for one response.

    Attributes:
        expected: How long such responses usually take; None when nobody knows.
    """

    expected: timedelta | None = None

    def delay(self, waited_seconds: float, jitter: float) -> float:
        """Return the seconds until the next poll.

        Args:
            waited_seconds: How long the response has existed.
            jitter: A random number from 0 to 1; spreads responses that started together.
        """
        # The spread is taken off first, so that the longest pause still keeps the precision.
        pause = min(max(SHORTEST, PRECISION / (1 + SPREAD) * waited_seconds), LONGEST)
        if self.expected is not None:
            quiet = FIRST_LOOK * self.expected.total_seconds() - waited_seconds
            pause = max(pause, min(quiet, LONGEST))
        return pause * (1 + SPREAD * jitter)
