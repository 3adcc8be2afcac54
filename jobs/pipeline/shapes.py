"""What a result will look like, as far as JSON Schemas tell: so that a misspelled path is found.

None stands for what nobody knows; nothing is said about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from jobs.pipeline.expressions import Ast, Expression


class NoSuchField(ValueError):
    """A path looks for a field that the result never has."""


@dataclass(frozen=True)
class Shape:
    """A JSON Schema and the definitions it refers to."""

    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]

    def field(self, name: str) -> "Shape | None":
        """Return the shape of a member.

        Raises:
            NoSuchField: The object never has it.
        """
        node = self._plain()
        if node is None or node.get("additionalProperties", False) is not False:
            return None
        properties = node.get("properties")
        if properties is None:
            return None
        if name not in properties:
            raise NoSuchField(f"there is no {name!r}; there is {', '.join(sorted(properties))}")
        return Shape(properties[name], self.definitions)

    def item(self) -> "Shape | None":
        """Return the shape of a list's items."""
        node = self._plain()
        items = node.get("items") if node is not None and node.get("type") == "array" else None
        return Shape(items, self.definitions) if isinstance(items, Mapping) else None

    @property
    def kind(self) -> str | None:
        """JSON's name of the type, None where it is not known."""
        node = self._plain()
        kind = node.get("type") if node is not None else None
        return kind if isinstance(kind, str) else None

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return self.kind == "array"

    def _plain(self) -> Mapping[str, Any] | None:
        """Follow references, and leave null out of what may be null."""
        node: Mapping[str, Any] = self.schema
        while "$ref" in node:
            node = self.definitions[node["$ref"].removeprefix("#/$defs/")]
        choices = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
        if choices:
            return Shape(choices[0], self.definitions)._plain() if len(choices) == 1 else None
        return node


def of_schema(schema: Mapping[str, Any]) -> Shape:
    """Return the shape that a complete JSON Schema describes."""
    return Shape(schema, schema.get("$defs", {}))


def list_of(item: Shape | None) -> Shape:
    """Return the shape of a list."""
    if item is None:
        return Shape({"type": "array"}, {})
    return Shape({"type": "array", "items": item.schema}, item.definitions)


def shape_of(expression: Expression, names: Mapping[str, Shape | None]) -> Shape | None:
    """Return the shape of what an expression finds.

    Raises:
        NoSuchField: It can never find anything.
    """
    found: Shape | None = _visit(expression.ast, names)
    return found


_Place = Mapping[str, Shape | None] | Shape | None
"""Where a step of a path starts: the names at the very start, or a shape."""


IN_TURN = frozenset({"subexpression", "pipe", "index_expression"})
UNKNOWN = frozenset({"literal", "expref", "value_projection"})


def _visit(node: Ast, place: Any) -> Any:
    children = [each for each in node["children"] if isinstance(each, Mapping)]
    kind = node["type"]
    if kind in UNKNOWN:
        return None
    if kind in IN_TURN:
        return reduce(lambda found, child: _visit(child, found), children, place)
    match kind:
        case "field":
            return _field(place, node["value"])
        case "current" | "identity" | "slice":
            return place
        case "index":
            return place.item() if isinstance(place, Shape) else None
        case "flatten":
            return _flat(_visit(children[0], place))
        case "projection" | "filter_projection":
            return _projected(children, _visit(children[0], place))
    for child in children:
        _visit(child, place)
    return None


def _field(place: _Place, name: str) -> Shape | None:
    if isinstance(place, Shape):
        return place.field(name)
    return place.get(name) if place is not None else None


def _flat(base: Any) -> Shape | None:
    if not (isinstance(base, Shape) and base.is_list):
        return None
    item = base.item()
    return list_of(item.item()) if item is not None and item.is_list else base


def _projected(children: list[Ast], base: Any) -> Shape | None:
    if not (isinstance(base, Shape) and base.is_list):
        return None
    item = base.item()
    for condition in children[2:]:
        _visit(condition, item)
    return list_of(_visit(children[1], item))
