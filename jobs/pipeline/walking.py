"""Small questions about trees of nodes."""

from collections.abc import Iterator
from typing import Any

from jobs.pipeline.expressions import BadExpression, parse
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


def names_used(node: Node) -> set[str]:
    """Return every name that a reference inside of a node looks up, and perhaps some more."""
    written = node.model_dump(mode="json", by_alias=True)
    return {name for _, found in find(written) for name in _names(found[FROM])}


def _names(text: Any) -> frozenset[str]:
    try:
        return parse(text).names if isinstance(text, str) else frozenset()
    except BadExpression:
        return frozenset()  # it fails where it is resolved
