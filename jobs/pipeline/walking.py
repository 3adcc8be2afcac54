"""Small questions about trees of nodes."""

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.pipeline.expressions import BadExpression, Expression, members, parse
from jobs.pipeline.references import FROM, find
from jobs.pipeline.tree import (
    ApprovalNode,
    ApprovalStep,
    ChainNode,
    Chord,
    ChordNode,
    GroupNode,
    JobNode,
    JobStep,
    Map,
    MapNode,
    Node,
)

Body = JobStep | ApprovalStep | Chord | Map | ChainNode | GroupNode
"""What holds a node's own members."""


def body_of(node: Node) -> Body:
    """Return what holds the members of a node."""
    match node:
        case JobNode():
            return node.job
        case ApprovalNode():
            return node.approval
        case ChordNode():
            return node.chord
        case MapNode():
            return node.map
        case _:
            return node


def kind_name(node: Node) -> str:
    """Return the kind of a node."""
    return type(node).__name__.removesuffix("Node").lower()


def children(node: Node) -> Iterator[tuple[Node, str]]:
    """Yield the nodes directly inside, with their pointers as seen from the node."""
    match node:
        case ChainNode(chain=members):
            yield from ((each, f"/chain/{index}") for index, each in enumerate(members))
        case GroupNode(group=members):
            yield from ((each, f"/group/{index}") for index, each in enumerate(members))
        case ChordNode(chord=chord):
            for index, each in enumerate(chord.group):
                yield each, f"/chord/group/{index}"
            yield chord.then, "/chord/then"
        case MapNode(map=spec):
            yield spec.do, "/map/do"


def leaves(node: Node) -> int:
    """Count the leaves as they are written; what a map does counts once."""
    return sum((leaves(each) for each, _ in children(node)), int(not any(children(node))))


def used(node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that references inside of a node look up, and perhaps some more.

    Of an object, only the members they look at: a data set that one map goes over is not handed to
    the next one because of a word that stands beside it.
    """
    written = node.model_dump(mode="json", by_alias=True)
    expressions = [each for _, found in find(written) if (each := _parsed(found[FROM]))]
    names = sorted(values.keys() & {name for each in expressions for name in each.names})
    return {name: _part(values[name], name, expressions) for name in names}


def _part(value: Any, name: str, expressions: list[Expression]) -> Any:
    wanted = [members(each, name) for each in expressions if name in each.names]
    if not isinstance(value, dict) or None in wanted:
        return value
    return {key: each for key, each in value.items() if any(key in some for some in wanted if some)}


def _parsed(text: Any) -> Expression | None:
    try:
        return parse(text) if isinstance(text, str) else None
    except BadExpression:
        return None  # it fails where it is resolved
