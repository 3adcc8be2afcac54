"""Pipelines in Python: each function returns the plain dict that the gateway takes.

::

    tree = chain(
        map_(ref("input.texts"), job("summarize_text", {"text": ref("item")}), id="parts"),
        job("combine_summaries", {"summaries": ref("parts[].summary")}),
    )
    client.submit("pipeline", pipeline(tree, {"texts": texts}))

Nothing is checked here: the gateway reports everything that is wrong with a tree at once, and
`client.estimate` does so without starting it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic_core import to_jsonable_python

from backburner.models.options import JobOptions

Node = dict[str, Any]
Policy = Literal["fail_fast", "continue"] | Mapping[str, int]


def pipeline(
    tree: Node, input: Any = None, *, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the payload of a job of type `pipeline`.

    Args:
        tree: The outermost node.
        input: What references find under the name `input`.
        given: Results known beforehand, by the ids that references find them under: those of a
            pipeline that failed late, for example.
    """
    body = {"tree": tree, "input": to_jsonable_python(input), "given": to_jsonable_python(given)}
    return _without_none(body)


def ref(expression: str) -> dict[str, str]:
    """Stand for the value that a JMESPath expression finds in earlier results."""
    return {"$from": expression}


def job(
    type: str,
    payload: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    options: JobOptions | Mapping[str, Any] | None = None,
) -> Node:
    """Run a job."""
    chosen = options.model_dump(exclude_unset=True) if isinstance(options, JobOptions) else options
    body = {"id": id, "type": type, "payload": to_jsonable_python(payload or {})}
    return {"job": _without_none({**body, "options": chosen and dict(chosen)})}


def chain(
    *steps: Node, id: str | None = None, on_failure: Literal["fail_fast", "continue"] | None = None
) -> Node:
    """Run nodes one after the other."""
    return _without_none({"chain": list(steps), "id": id, "on_failure": on_failure})


def group(
    *members: Node,
    id: str | None = None,
    window: int | None = None,
    on_failure: Policy | None = None,
) -> Node:
    """Run nodes side by side; the result is the list of theirs."""
    body = {"group": list(members), "id": id, "window": window, "on_failure": on_failure}
    return _without_none(body)


def chord(
    *members: Node,
    then: Node,
    variable: str | None = None,
    id: str | None = None,
    window: int | None = None,
    on_failure: Policy | None = None,
) -> Node:
    """Run nodes side by side, then one that finds their results as `group`, or as `variable`."""
    body = {"group": list(members), "then": then, "as": variable, "id": id}
    return {"chord": _without_none({**body, "window": window, "on_failure": on_failure})}


def map_(
    over: list[Any] | dict[str, str],
    do: Node,
    *,
    variable: str | None = None,
    id: str | None = None,
    window: int | None = None,
    on_failure: Policy | None = None,
) -> Node:
    """Run a node for every item, which it finds as `item`, or as `variable`."""
    body = {"over": to_jsonable_python(over), "do": do, "as": variable, "id": id}
    return {"map": _without_none({**body, "window": window, "on_failure": on_failure})}


def approval(
    title: str,
    show: Any = None,
    *,
    id: str | None = None,
    editable: bool | None = None,
    timeout: timedelta | None = None,
    remind_after: timedelta | None = None,
    default: Literal["approve", "reject"] | None = None,
    on_reject: Literal["fail", "continue"] | None = None,
) -> Node:
    """Wait for a person, who sees what is shown."""
    body = {
        "id": id,
        "title": title,
        "show": to_jsonable_python(show),
        "editable": editable,
        "timeout_seconds": timeout and round(timeout.total_seconds()),
        "remind_after_seconds": remind_after and round(remind_after.total_seconds()),
        "default": default,
        "on_reject": on_reject,
    }
    return {"approval": _without_none(body)}


def _without_none(body: Mapping[str, Any]) -> Node:
    return {name: value for name, value in body.items() if value is not None}
