"""The smallest example of a JSON Schema, so that every job type can be tried without its author."""

from typing import Any

SAMPLES = {"date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01", "duration": "PT1S"}
NIL = "00000000-0000-7000-8000-000000000000"
TEXT = "The pilot ran for six weeks. "


def example(schema: dict[str, Any], *, uuid: str = NIL) -> Any:
    """Return a value that fits; required members only. `uuid` stands wherever an id is wanted."""
    return _value(schema, schema.get("$defs", {}), uuid)


def _value(node: dict[str, Any], definitions: dict[str, Any], uuid: str) -> Any:
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        return _value(definitions[name], definitions, uuid)
    for key in ("const", "default"):
        if key in node:
            return node[key]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in node:
            return _value(node[key][0], definitions, uuid)
    if node.get("type") == "object" and "examples" in node:
        return node["examples"][0]  # where required members alone do not make a value
    if "enum" in node:
        return node["enum"][0]
    return _of_type(node, definitions, uuid)


def _of_type(node: dict[str, Any], definitions: dict[str, Any], uuid: str) -> Any:
    match node.get("type"):
        case "object":
            members = node.get("properties", {})
            wanted = node.get("required", [])
            return {name: _value(members[name], definitions, uuid) for name in wanted}
        case "array":
            item = node.get("items", {})
            return [_value(item, definitions, uuid) for _ in range(node.get("minItems", 0))]
        case "integer" | "number":
            return node.get("minimum", node.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(node, uuid)


def _text(node: dict[str, Any], uuid: str) -> str:
    if node.get("format") == "uuid":
        return uuid
    sample: str = SAMPLES.get(
        node.get("format", ""), TEXT * (1 + node.get("minLength", 0) // len(TEXT))
    )
    longest: int | None = node.get("maxLength")
    return sample[:longest]
