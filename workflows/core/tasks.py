"""Running several things at once, and finishing things that must not be interrupted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from workflows.core.steps import Scope, enter_item

T = TypeVar("T")
R = TypeVar("R")


async def gather(
    items: Sequence[T], do: Callable[[T], Awaitable[R]], *, scope: Scope, name: str, limit: int
) -> list[R]:
    """Do something with every item, at most `limit` at once; return results in the items' order.

    `scope` is where the gather happens: the items' scopes lie in it. The first failure cancels the
    other items, waits for them to stop, and is raised.
    """
    gate = asyncio.Semaphore(limit)
    path = scope.next_gather(name)

    async def one(index: int, item: T) -> R:
        enter_item(path, index)
        async with gate:
            return await do(item)

    tasks = [asyncio.create_task(one(index, item)) for index, item in enumerate(items)]
    try:
        return list(await asyncio.gather(*tasks))
    except (Exception, asyncio.CancelledError):
        # Not when a worker that stops throws the workflow away: then nothing can be awaited.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def steady(work: Awaitable[T]) -> T:
    """Finish something whatever cancels the caller meanwhile; return its result."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
    return task.result()
