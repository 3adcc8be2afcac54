"""Where the nodes of a running pipeline find names, and what they are called themselves."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.errors import ReferenceFailed
from jobs.pipeline.references import ReferenceBroken, resolve
from jobs.pipeline.tree import MapNode, Node
from jobs.pipeline.walking import body_of, children

INPUT = "input"
"""The name under which references find what the pipeline works on."""

ROOT_NAME = "tree"
"""What the outermost node is called unless it has an id; no other node may be called so."""


class NodeFailed(Exception):
    """A node failed; whether that matters is for the composite around it to say.

    Attributes:
        node: The node that failed first, deep inside.
        code: From `jobs.errors`, or of the child job's type.
    """

    def __init__(self, node: str, code: str, message: str) -> None:
        super().__init__(message)
        self.node, self.code, self.message = node, code, message


@dataclass(frozen=True)
class Scope:
    """What the nodes of one place see: those of the whole tree, or those of one item of a map.

    Attributes:
        values: Results by name; every node with an id adds its own.
        variables: An item of a map, or the results of a chord's group, for the nodes inside.
        name: What the names of nodes begin with.
        pointer: Where the outermost node is written.
    """

    values: dict[str, Any]
    name: str
    pointer: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seen(self) -> dict[str, Any]:
        """Everything that references find here."""
        return {**self.values, **self.variables}

    def with_variable(self, name: str, value: Any) -> "Scope":
        """Return the same scope as nodes see it that have a variable more."""
        return replace(self, variables={**self.variables, name: value})

    def for_item(self, node: str, index: int, pointer: str, variable: str, item: Any) -> "Scope":
        """Return a scope of its own for an item of a map: what happens there stays there."""
        variables = {**self.variables, variable: item}
        return Scope(dict(self.values), f"{node}.{index}", pointer, variables)

    def name_of(self, node: Node, pointer: str) -> str:
        """Name a node by its id, or else by its place."""
        own = body_of(node).id or pointer.removeprefix(self.pointer).strip("/")
        return "/".join(filter(None, (self.name, own))) or ROOT_NAME


def placed(node: Node, pointer: str) -> Iterator[tuple[Node, str]]:
    """Yield a node and those inside with their pointers, but not what maps do for their items."""
    yield node, pointer
    if not isinstance(node, MapNode):
        for child, place in children(node):
            yield from placed(child, pointer + place)


def resolved(
    value: Any, scope: Scope, pointer: str, name: str, *, leaving: Collection[str] = ()
) -> Any:
    """Resolve the references of a node.

    Raises:
        NodeFailed: With the pointer to the one that cannot be evaluated.
    """
    try:
        return resolve(value, scope.seen, pointer, leaving=leaving)
    except ReferenceBroken as error:
        raise NodeFailed(name, ReferenceFailed.code, f"{error.pointer}: {error}") from None
