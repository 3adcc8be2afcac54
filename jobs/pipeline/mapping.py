"""Running a map: its items in this workflow, or in child pipelines when they are many."""

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jobs.errors import ReferenceFailed, TooManyItems
from jobs.options import JobOptions
from jobs.pipeline.board import NodeState
from jobs.pipeline.bounds import BATCH_ITEMS, MAX_ITEMS, WORKFLOW_LEAVES
from jobs.pipeline.members import Policy, allowed_failures, together, too_few
from jobs.pipeline.references import FROM
from jobs.pipeline.scopes import INPUT, NodeFailed, Scope, resolved
from jobs.pipeline.tree import Map, MinSuccess, Reference
from jobs.pipeline.walking import leaves, used

if TYPE_CHECKING:
    from jobs.pipeline.interpreter import Interpreter

ITEMS = "_items"
"""The name under which a child pipeline finds its part of a map's items."""

PIPELINE = "pipeline"
"""The job type that runs a tree."""


async def run_map(
    interpreter: "Interpreter", spec: Map, pointer: str, scope: Scope, name: str
) -> list[Any]:
    """Run a map and return its results in the items' order, None for those that failed.

    Raises:
        NodeFailed: There is no list, it is too long, or too many items failed.
    """
    items = _items(spec, f"{pointer}/map/over", scope, name)
    each, board = leaves(spec.do), interpreter.board
    board.weigh(name, 0)
    if len(items) <= BATCH_ITEMS and board.leaves + len(items) * each <= WORKFLOW_LEAVES:
        return await _here(interpreter, spec, items, f"{pointer}/map/do", scope, name)
    if (allowed := allowed_failures(spec.on_failure, len(items))) < 0:
        raise too_few(name, spec.on_failure, len(items), 0)
    return await _in_batches(interpreter, spec, items, f"{pointer}/map/do", scope, name, allowed)


def _items(spec: Map, pointer: str, scope: Scope, name: str) -> list[Any]:
    over = {FROM: spec.over.expression} if isinstance(spec.over, Reference) else spec.over
    items = resolved(over, scope, pointer, name)
    if not isinstance(items, list):
        shown = f"{json.dumps(items, ensure_ascii=False):.80}"
        message = f"{pointer}: a map goes over a list, and this is {shown}"
        raise NodeFailed(name, ReferenceFailed.code, message)
    if len(items) > MAX_ITEMS:
        message = f"{pointer}: {len(items):,} items; a map may have {MAX_ITEMS:,}"
        raise NodeFailed(name, TooManyItems.code, message)
    return items


async def _here(
    interpreter: "Interpreter", spec: Map, items: list[Any], do: str, scope: Scope, name: str
) -> list[Any]:
    scopes = [
        scope.for_item(name, index, do, spec.variable, item) for index, item in enumerate(items)
    ]
    for each in scopes:
        interpreter.register(spec.do, do, each)
    try:
        runs = [interpreter.later(spec.do, do, each) for each in scopes]
        return await together(name, runs, spec.window, spec.on_failure)
    finally:
        for each in scopes:
            interpreter.skip(spec.do, do, each)


async def _in_batches(
    interpreter: "Interpreter",
    spec: Map,
    items: list[Any],
    do: str,
    scope: Scope,
    name: str,
    allowed: int,
) -> list[Any]:
    """Run the items in child pipelines, one after the other, so that no history grows too long."""
    board, each = interpreter.board, leaves(spec.do)
    batches = {f"{name}#{n}": batch for n, batch in enumerate(_cut(items, each))}
    for batch, part in batches.items():
        board.add(batch, "batch", do, weight=each * len(part))
    results: list[Any] = []
    try:
        for batch, part in batches.items():
            payload = _payload(spec, part, scope, _policy(spec.on_failure, len(part), allowed))
            output = await _batch(interpreter, batch, payload)
            results.extend(output["result"])
            allowed -= _failures(output, spec, do)
    finally:
        for batch in batches:
            board.skip(batch)
    return results


def _cut(items: list[Any], leaves_each: int) -> Iterator[list[Any]]:
    size = max(1, min(BATCH_ITEMS, WORKFLOW_LEAVES // leaves_each))
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def _batch(interpreter: "Interpreter", batch: str, payload: dict[str, Any]) -> Any:
    board = interpreter.board
    board.begin(batch)
    interpreter.host.moved()
    try:
        output = await interpreter.child(batch, PIPELINE, payload, JobOptions())
    except NodeFailed as error:
        board.end(batch, NodeState.FAILED, code=error.code, message=error.message)
        raise
    except (Exception, asyncio.CancelledError):
        board.end(batch, NodeState.CANCELED)
        raise
    board.end(batch, NodeState.SUCCEEDED)
    return output


def _payload(spec: Map, items: list[Any], scope: Scope, policy: Policy) -> dict[str, Any]:
    """Write down a part of a map as a pipeline, with the results its nodes look up."""
    policy_given = policy if isinstance(policy, str) else policy.model_dump()
    part = {
        "over": {FROM: ITEMS},
        "as": spec.variable,
        "do": spec.do.model_dump(mode="json", by_alias=True),
        "window": spec.window,
        "on_failure": policy_given,
    }
    seen = {name: each for name, each in scope.seen.items() if name != spec.variable}
    given = used(spec.do, seen)
    return {"tree": {"map": part}, "input": given.pop(INPUT, None), "given": given | {ITEMS: items}}


def _policy(policy: Policy, members: int, allowed: int) -> Policy:
    """Return what a batch may do about failures when so many are still allowed."""
    if not isinstance(policy, MinSuccess):
        return policy
    return "continue" if allowed >= members else MinSuccess(min_success=members - allowed)


def _failures(output: Any, spec: Map, do: str) -> int:
    """Count the items of a batch that failed; a result of null alone does not tell."""
    roots = {
        Scope({}, f"tree.{index}", do).name_of(spec.do, do)
        for index in range(len(output["result"]))
    }
    return sum(each["node"] in roots and each["state"] != "succeeded" for each in output["nodes"])
