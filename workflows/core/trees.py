"""Combining many things into one, in a tree: no step takes in more than a model reads well."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from jobs.chunking import group
from workflows.core.job import Job

T = TypeVar("T")


async def reduce(
    job: Job[Any, Any],
    items: list[T],
    combine: Callable[[list[T]], Awaitable[T]],
    *,
    size: Callable[[T], int],
    characters: int,
    members: int,
) -> T:
    """Combine neighbours, group by group and level by level, until one is left.

    Args:
        job: Whose steps these are.
        items: At least one.
        combine: Makes one of a group of two or more.
        size: Characters an item fills in a prompt.
        characters: What one group may fill; two items are combined even if they fill more.
        members: How many items a group may have.
    """

    async def one_of(members_of_group: list[T]) -> T:
        if len(members_of_group) == 1:
            return members_of_group[0]
        return await combine(members_of_group)

    while len(items) > 1:
        groups = group(items, map(size, items), characters, members)
        if len(groups) == len(items):
            # Each item fills a group of its own: combine neighbours, or this never ends.
            groups = [items[i : i + 2] for i in range(0, len(items), 2)]
        items = await job.gather(groups, one_of, name="combine")
    return items[0]
