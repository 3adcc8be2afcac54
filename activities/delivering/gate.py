"""How many attempts go to one receiver at the same time.

A receiver that takes long, or never answers, must not take up the places of the others. So whoever
finds all places of its receiver taken is sent away at once and told when to come back: behind all
who were sent away before, at the pace at which this receiver has answered lately. Nobody waits
inside an activity, and a crowd does not come back all together.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

SHORTEST_WAIT, LONGEST_WAIT = 0.5, 600.0
"""Seconds that somebody is sent away for; longer queues come back more than once."""

FIRST_GUESS = 1.0
"""Seconds an attempt takes, as long as nothing is known."""

NEW_WEIGHT = 0.3
"""How much the latest attempt says about how long the next one takes."""


class _Receiver:
    def __init__(self) -> None:
        self.taken = 0
        self.typical_seconds = FIRST_GUESS
        self.queue_ends = 0.0


class Gate:
    """Counts the attempts under way at each receiver, in this process.

    Args:
        places: How many each receiver has.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self.receivers: dict[str, _Receiver] = {}

    @contextmanager
    def place_at(self, name: str) -> Iterator[timedelta | None]:
        """Take a place at a receiver for as long as the block lasts.

        Yields:
            None, or how long to stay away when there is no place.
        """
        receiver = self.receivers.setdefault(name, _Receiver())
        if receiver.taken >= self._places:
            yield self._sent_away(receiver)
            return
        receiver.taken += 1
        began = time.monotonic()
        try:
            yield None
        finally:
            receiver.taken -= 1
            news = time.monotonic() - began - receiver.typical_seconds
            receiver.typical_seconds += NEW_WEIGHT * news
            if not receiver.taken:
                del self.receivers[name]

    def _sent_away(self, receiver: _Receiver) -> timedelta:
        now = time.monotonic()
        receiver.queue_ends = max(receiver.queue_ends, now)
        receiver.queue_ends += receiver.typical_seconds / self._places
        seconds = receiver.queue_ends - now
        return timedelta(seconds=min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT))
