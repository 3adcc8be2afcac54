"""JSON Schemas in the strict form that structured outputs demand."""

from typing import Any, cast

from pydantic import BaseModel


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's JSON Schema with every object closed and every property required.

    OpenAI's strict mode (guides/structured-outputs, "Supported schemas") refuses open objects,
    optional properties and defaults; a field that may be missing has to be nullable instead.
    """
    return cast("dict[str, Any]", _strict(model.model_json_schema()))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # Strict mode refuses siblings of $ref, such as a field's description.
        return {"$ref": node["$ref"]}
    tight = {key: _strict(value) for key, value in node.items() if key != "default"}
    if isinstance(node.get("properties"), dict):
        tight["properties"] = {name: _strict(each) for name, each in node["properties"].items()}
        tight["required"] = list(node["properties"])
        tight["additionalProperties"] = False
    return tight
