"""The subset of JSON Schema that OpenAI accepts for strict structured outputs."""

import re
from typing import Any

from local.openai_emulator.errors import ApiError

_REFUSED_KEYWORDS = (
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "default",
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_format(text_format: dict[str, Any] | None) -> None:
    """Refuse a `text.format` that OpenAI would refuse.

    Raises:
        ApiError: The name or the strict schema breaks a rule (400).
    """
    if not text_format or text_format["type"] != "json_schema":
        return
    name = text_format["name"]
    if not _NAME.fullmatch(name):
        message = f"Invalid 'text.format.name': {name!r} does not match ^[a-zA-Z0-9_-]+$."
        raise ApiError(400, message, param="text.format.name", code="invalid_value")
    if text_format.get("strict"):
        schema = text_format["schema"]
        if schema.get("type") != "object" or "anyOf" in schema:
            raise _invalid(name, (), "schema must be a JSON Schema of type 'object'.")
        _check_node(name, schema, ())


def _check_node(name: str, node: Any, context: tuple[str, ...]) -> None:
    if not isinstance(node, dict):
        raise _invalid(name, context, "a schema must be an object.")
    for keyword in _REFUSED_KEYWORDS:
        if keyword in node:
            raise _invalid(name, context, f"'{keyword}' is not permitted.")
    if "$ref" in node and len(node) > 1:
        others = sorted(key for key in node if key != "$ref")
        raise _invalid(name, context, f"$ref cannot have keywords {others}.")
    if node.get("type") == "object" or "properties" in node:
        _check_object(name, node, context)
    for keyword in ("properties", "$defs", "definitions"):
        for key, child in node.get(keyword, {}).items():
            _check_node(name, child, (*context, keyword, key))
    if node.get("type") == "array":
        _check_node(name, node.get("items"), (*context, "items"))
    for position, child in enumerate(node.get("anyOf", [])):
        _check_node(name, child, (*context, "anyOf", str(position)))


def _check_object(name: str, node: dict[str, Any], context: tuple[str, ...]) -> None:
    if node.get("additionalProperties") is not False:
        rule = "'additionalProperties' is required to be supplied and to be false."
        raise _invalid(name, context, rule)
    missing = sorted(set(node.get("properties", {})) ^ set(node.get("required", [])))
    if missing:
        rule = (
            "'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing or extra: {missing[0]!r}."
        )
        raise _invalid(name, context, rule)


def _invalid(name: str, context: tuple[str, ...], rule: str) -> ApiError:
    message = f"Invalid schema for response_format {name!r}: In context={context}, {rule}"
    return ApiError(400, message, param="text.format.schema", code="invalid_json_schema")
