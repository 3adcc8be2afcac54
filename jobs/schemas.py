"""JSON Schemas in the strict form that structured outputs demand."""

from typing import Any, cast

from pydantic import BaseModel

NAMED = ("properties", "$defs")
"""Keywords that hold schemas under names of the author's choice, `default` and `$ref` included."""

REFUSED = frozenset({"default", "discriminator"})
"""Keywords that strict mode refuses; they say nothing to a model that fills in every field."""

ALLOWED_FOR = {"oneOf": "anyOf"}
"""Keywords that strict mode knows under another name; the model's own validation is the judge."""

VERBATIM = ("const", "enum", "examples")
"""Keywords that hold values, not schemas."""


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's JSON Schema with every object closed and every property required.

    OpenAI's strict mode (guides/structured-outputs, "Supported schemas") refuses open objects,
    optional properties and defaults; a field that may be missing has to be nullable instead.
    """
    schema = model.model_json_schema()
    if "$ref" in schema:
        # A model that contains itself is a bare reference; strict mode wants an object at the root.
        name = schema.pop("$ref").removeprefix("#/$defs/")
        schema |= schema["$defs"][name]
    return cast("dict[str, Any]", _strict(schema))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # Strict mode refuses siblings of $ref, such as a field's description.
        return {"$ref": node["$ref"]}
    tight = {
        ALLOWED_FOR.get(key, key): _inside(key, value)
        for key, value in node.items()
        if key not in REFUSED
    }
    if "properties" in node:
        tight["required"] = list(node["properties"])
        tight["additionalProperties"] = False
    return tight


def _inside(key: str, value: Any) -> Any:
    if key in NAMED:
        return {name: _strict(each) for name, each in value.items()}
    return value if key in VERBATIM else _strict(value)
