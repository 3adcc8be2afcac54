"""Running the members of a composite side by side, and counting those that fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from jobs.errors import TooFewSucceeded
from jobs.pipeline.scopes import NodeFailed
from jobs.pipeline.tree import MinSuccess

Policy = str | MinSuccess


def allowed_failures(policy: Policy, members: int) -> int:
    """Return how many members may fail."""
    if isinstance(policy, MinSuccess):
        return members - policy.min_success
    return 0 if policy == "fail_fast" else members


async def together(
    name: str, members: Sequence[Callable[[], Awaitable[Any]]], window: int, policy: Policy
) -> list[Any]:
    """Run members, so many at once; return their results in order, None for those that failed.

    One failure too many cancels the others and waits for them to stop.

    Raises:
        NodeFailed: The one failure too many.
    """
    allowed = allowed_failures(policy, len(members))
    if allowed < 0:
        raise too_few(name, policy, len(members), 0)
    gate, failures = asyncio.Semaphore(window), list[NodeFailed]()

    async def one(run: Callable[[], Awaitable[Any]]) -> Any:
        async with gate:
            if len(failures) > allowed:
                # The failure that ends it all left its place, and nobody has been told yet.
                return None
            try:
                return await run()
            except NodeFailed as error:
                failures.append(error)
                if len(failures) <= allowed:
                    return None
                if isinstance(policy, MinSuccess):
                    raise too_few(name, policy, len(members), len(failures), error) from error
                raise

    tasks = [asyncio.create_task(one(run)) for run in members]
    try:
        return list(await asyncio.gather(*tasks))
    except (Exception, asyncio.CancelledError):
        # Not when a worker that stops throws the workflow away: then nothing can be awaited.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def too_few(
    name: str, policy: Policy, members: int, failed: int, last: NodeFailed | None = None
) -> NodeFailed:
    """Say that too few members can succeed."""
    wanted = policy.min_success if isinstance(policy, MinSuccess) else members
    message = f"{wanted} of {members} members had to succeed, and {failed} failed"
    if last is not None:
        message = f"{message}; the last was {last.node}: {last.message}"
    return NodeFailed(name, TooFewSucceeded.code, message)
