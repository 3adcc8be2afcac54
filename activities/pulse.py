"""Heartbeats: seldom enough to be cheap, often enough to be missed at once when they stop.

One heartbeat costs the Temporal server about as much CPU as a history event, so deeds beat after a
third to two thirds of their heartbeat timeout, at random: usually every 10 to 20 seconds. A deed
that ends sooner never beats at all.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import activity

from jobs.values import Value

T = TypeVar("T")

SHORTEST_BEAT, LONGEST_BEAT = 1 / 3, 2 / 3
"""Shares of the heartbeat timeout between two beats."""

USUAL_TIMEOUT = timedelta(seconds=30)
"""Assumed where Temporal names none."""


class Pulse(Value):
    """What a deed says in a heartbeat, for its successor and for people.

    Attributes:
        submit_number: The submit this is about.
        response_id: Its id; the successor finds it here when storing it failed.
        polls: Status requests so far.
    """

    submit_number: int = 0
    response_id: str | None = None
    polls: int = 0


async def beating(work: Awaitable[T], say: Callable[[], Any]) -> T:
    """Await something while beating; cancelling the caller cancels the work and awaits its end."""
    task = asyncio.ensure_future(work)
    timeout = (activity.info().heartbeat_timeout or USUAL_TIMEOUT).total_seconds()
    try:
        while True:
            share = random.uniform(SHORTEST_BEAT, LONGEST_BEAT)  # noqa: S311 # spreads load
            done, _ = await asyncio.wait({task}, timeout=share * timeout)
            if done:
                return task.result()
            activity.heartbeat(say())
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # asyncio reports what nobody has asked for


def last_pulse() -> Pulse | None:
    """Return what the previous attempt of this deed said last."""
    details = activity.info().heartbeat_details
    return Pulse.model_validate(details[0]) if details else None
