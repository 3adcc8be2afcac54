"""When to ask the provider again: often while an answer is likely, seldom while it is not."""

from dataclasses import dataclass
from datetime import timedelta

SHORTEST = 1.0
"""Seconds between two polls of one response at the least; OpenAI's own examples poll every 2 s."""

LONGEST = 60.0
"""Seconds between two polls at the most, without a discounted completion window and before the
spread; reached after twelve minutes."""

LONGEST_QUIET = 30.0
"""The same before half of the expected duration: many responses that end early have failed."""

PRECISION = 0.1
"""Share of the time waited so far that may pass unseen: a response of 100 s is seen within 10 s."""

SPREAD = 0.2
"""Share by which a random part lengthens each pause."""

PUSHED_SHORTEST, PUSHED_LONGEST = 30.0, 120.0
"""The same bounds while notices come reliably: polls are then only there for the lost ones."""

FIRST_LOOK = 0.5
"""Share of the expected duration after which the first poll happens."""


LONGEST_BY_WINDOW = {"soonest": LONGEST, "2h": 300.0, "8h": 900.0}
"""Seconds between two polls at the most, by completion window."""


@dataclass(frozen=True)
class Ceilings:
    """When to give up on a response.

    Attributes:
        queued: How long it may stay queued.
        running: How long it may exist without coming to an end.
    """

    queued: timedelta
    running: timedelta

    @classmethod
    def none(cls) -> "Ceilings":
        """Return ceilings that are never reached."""
        return cls(timedelta(days=3650), timedelta(days=3650))


CEILINGS_BY_WINDOW = {
    "soonest": Ceilings(queued=timedelta(minutes=30), running=timedelta(hours=2)),
    "2h": Ceilings(queued=timedelta(hours=4), running=timedelta(hours=6)),
    "8h": Ceilings(queued=timedelta(hours=12), running=timedelta(hours=16)),
}
"""Defaults by completion window. Windows are targets, so their ceilings lie well behind them; deep
research takes up to half an hour, and an hour more in the queue has been seen."""


@dataclass(frozen=True)
class PollSchedule:
    """The rhythm of polls for one response.

    Attributes:
        expected: How long such responses usually take; None when nobody knows.
        longest: Seconds between two polls at the most; more for a discounted window, whose
            responses nobody waits for by the second.
    """

    expected: timedelta | None = None
    longest: float = LONGEST

    def delay(self, waited_seconds: float, jitter: float, *, pushed: bool = False) -> float:
        """Return the seconds until the next poll.

        Args:
            waited_seconds: How long the response has existed.
            jitter: A random number from 0 to 1; spreads responses that started together.
            pushed: Whether a notice will most likely come before the poll.
        """
        shortest = PUSHED_SHORTEST if pushed else SHORTEST
        longest = max(PUSHED_LONGEST, self.longest) if pushed else self.longest
        # The spread is taken off first, so that the longest pause still keeps the precision.
        pause = min(max(shortest, PRECISION / (1 + SPREAD) * waited_seconds), longest)
        if self.expected is not None:
            quiet = FIRST_LOOK * self.expected.total_seconds() - waited_seconds
            pause = max(pause, min(quiet, LONGEST_QUIET if longest == LONGEST else longest))
        return pause * (1 + SPREAD * jitter)
