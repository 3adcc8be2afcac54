"""What this process has learned about how long responses take, to poll at the right time."""

import re
from collections import defaultdict, deque
from datetime import timedelta
from statistics import median

from jobs.requests import StepRequest

REMEMBERED = 50
"""Durations kept per kind of step: enough for a median, few enough to follow a change."""

NEEDED = 3
"""Durations needed before they are believed."""

NUMBERS = re.compile(r"\d+")


class Pace:
    """Median duration of responses by job type and kind of step."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=REMEMBERED)
        )

    def learn(self, step: StepRequest, seconds: float) -> None:
        """Remember how long a step's response took."""
        self._seconds[_kind(step)].append(seconds)

    def expected(self, step: StepRequest) -> timedelta | None:
        """Return what a response to such a step usually takes, None while too little is known."""
        known = self._seconds.get(_kind(step))
        if known is None or len(known) < NEEDED:
            return step.expected
        return timedelta(seconds=median(known))


def _kind(step: StepRequest) -> tuple[str, str]:
    """Tell steps apart by what they do, not by which item they do it to."""
    return step.job.type, NUMBERS.sub("", step.step_key)
