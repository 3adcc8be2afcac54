"""Heartbeats: seldom enough to be cheap, often enough to be missed at once when they stop.

One heartbeat costs the Temporal server about as much CPU as a history event, so deeds beat every 10
to 20 seconds, at random, and a deed that ends sooner never beats at all.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import activity

from jobs.values import Value

T = TypeVar("T")

SHORTEST_BEAT, LONGEST_BEAT = 10.0, 20.0
"""Seconds between two beats; the heartbeat timeout is 30 s."""


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
    try:
        while True:
            pause = random.uniform(SHORTEST_BEAT, LONGEST_BEAT)  # noqa: S311 # spreads load
            done, _ = await asyncio.wait({task}, timeout=pause)
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
