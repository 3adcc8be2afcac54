"""The time that a caller allows for a whole operation of several requests."""

import math
import time
from datetime import timedelta


class Deadline:
    """A point in time after which waiting ends; without a timeout it never comes."""

    def __init__(self, timeout: timedelta | None = None) -> None:
        seconds = math.inf if timeout is None else timeout.total_seconds()
        self._at = time.monotonic() + seconds

    def limit(self, seconds: float) -> float:
        """Return the seconds, or as many as are left.

        Raises:
            TimeoutError: None are left.
        """
        remaining = self._at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return min(seconds, remaining)
