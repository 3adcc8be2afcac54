"""Fill a JSON Schema with values taken from a text."""

import math
from typing import Any

from local.openai_emulator.findings import KINDS, Finding, findings
from local.openai_emulator.reading import Reader, words
from local.openai_emulator.tables import row_answers

_SUMMARIES = frozenset({"summary", "abstract", "overview", "notes", "note", "text", "content"})
_TITLES = frozenset({"title", "headline", "heading", "name", "subject"})
_FORMATS = {
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_DEEPEST = 8
_DEALT = 3
"""Items a list of objects gets, among which the numbered facts of a text are dealt."""


class Shaper:
    """Shape values by a schema; the same text and schema always give the same value."""

    def __init__(self, schema: dict[str, Any], reader: Reader) -> None:
        self._root = schema
        self._reader = reader

    def value(self) -> Any:
        """Return the value for the whole schema."""
        return self._fill(self._root, "", 0, 0)

    def _fill(self, node: dict[str, Any], name: str, turn: int, depth: int) -> Any:
        if "$ref" in node:
            return self._fill(self._resolve(node["$ref"]), name, turn, depth + 1)
        if "anyOf" in node:
            return self._fill(_variant(node["anyOf"], depth), name, turn, depth + 1)
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return max(node["enum"], key=lambda member: self._reader.mentions(str(member)))
        return self._fill_type(node, name, turn, depth)

    def _fill_type(self, node: dict[str, Any], name: str, turn: int, depth: int) -> Any:
        match _type_of(node):
            case "object":
                members = node.get("properties", {}).items()
                return {key: self._fill(child, key, turn, depth + 1) for key, child in members}
            case "array":
                return self._items(node, name, turn, depth)
            case "integer" | "number" as kind:
                return self._number(node, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(node, name, turn)

    def _resolve(self, reference: str) -> dict[str, Any]:
        node: dict[str, Any] = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            node = node[part] if part else node
        return node

    def _items(self, node: dict[str, Any], name: str, turn: int, depth: int) -> list[Any]:
        least, most = node.get("minItems", 0), node.get("maxItems", math.inf)
        item = node.get("items", {})
        known = self._known(item, name, turn)
        if known is not None and least <= len(known) <= most:
            return known
        plain = _type_of(item) == "string" and not {"enum", "const", "format", "$ref"} & item.keys()
        wanted = max(least, min(most, 5 if plain else _DEALT, len(self._reader.sentences) or 1))
        if depth > _DEEPEST:
            wanted = least
        if plain:
            points = self._reader.points(wanted) or [self._reader.best()]
            texts = [points[i % len(points)] for i in range(wanted)]
            return [_fitted(text, item) for text in texts]
        return [self._fill(item, name, turn + i, depth + 1) for i in range(wanted)]

    def _known(self, item: dict[str, Any], name: str, turn: int) -> list[Any] | None:
        """Fill a list whose items the text itself tells apart: rows, dates, numbers of facts."""
        item = self._resolve(item["$ref"]) if "$ref" in item else item
        members = item.get("properties", {})
        if name == "facts" and _type_of(item) == "integer":
            return [*self._reader.facts][turn::_DEALT]
        if "row" in members:
            return [self._with(members, each) for each in row_answers(self._reader.text)] or None
        if name in KINDS and members:
            return [self._with(members, each) for each in findings(name, self._reader.sentences)]
        return None

    def _with(self, members: dict[str, Any], known: Finding) -> dict[str, Any]:
        """Fill an object with what is known of it; the sentence it comes from says the rest."""
        return {
            key: known[key] if key in known else known.get("") or self._fill(child, key, 0, 1)
            for key, child in members.items()
        }

    def _string(self, node: dict[str, Any], name: str, turn: int) -> str:
        if node.get("format") in _FORMATS:
            return _FORMATS[node["format"]]
        if name == "language":
            return "en"
        about = f"{name.replace('_', ' ')} {node.get('description', '')}"
        if name.lower() in _TITLES:
            return _fitted(self._reader.title(turn), node)
        if turn == 0 and set(name.lower().split("_")) & _SUMMARIES:
            return _fitted(self._reader.summary(3) or self._reader.best(), node)
        return _fitted(self._reader.best(about if words(about) else "", turn), node)

    def _number(self, node: dict[str, Any], *, whole: bool) -> float:
        step = node.get("multipleOf", 1 if whole else None)
        low = node.get("minimum", -math.inf)
        high = node.get("maximum", math.inf)
        # An open bound is closed by one step; a millionth stands in where there is none.
        low = max(low, node.get("exclusiveMinimum", -math.inf) + (step or 1e-6))
        high = min(high, node.get("exclusiveMaximum", math.inf) - (step or 1e-6))
        fitting = (number for number in self._reader.numbers() if low <= number <= high)
        value = next(fitting, min(max(0.0, low), high))
        if step:
            value = math.floor(value / step) * step
            value = value + step if value < low else value
        return int(value) if whole else value


def _type_of(node: dict[str, Any]) -> str:
    kind = node.get("type", "object" if "properties" in node else "string")
    if isinstance(kind, list):
        return next((one for one in kind if one != "null"), "null")
    return str(kind)


def _variant(variants: list[dict[str, Any]], depth: int) -> dict[str, Any]:
    """Take the first variant that is not null, or null once a recursion went deep enough."""
    nulls = [variant for variant in variants if variant.get("type") == "null"]
    if nulls and depth > _DEEPEST:
        return nulls[0]
    return next((variant for variant in variants if variant not in nulls), variants[0])


def _fitted(text: str, node: dict[str, Any]) -> str:
    return text[: node.get("maxLength")].ljust(node.get("minLength", 0), ".")
