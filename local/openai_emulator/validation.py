"""Check a create body against the SDK's own types, and against the limits no type expresses."""

from typing import Any

from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import ConfigDict, TypeAdapter, with_config
from pydantic_core import ErrorDetails, SchemaValidator, ValidationError

from local.openai_emulator.errors import ApiError, not_emulated
from local.openai_emulator.strict_schema import check_format

_Path = tuple[str | int, ...]


# Nested TypedDicts inherit this configuration, so a stray key is an error at every level.
@with_config(ConfigDict(extra="forbid", strict=True))
class _CreateBody(ResponseCreateParamsNonStreaming):
    """The SDK's own type, closed."""


def _eager(node: Any) -> Any:
    """Turn the SDK's `Iterable` fields, which pydantic would check lazily, into lists."""
    if isinstance(node, dict):
        eager = {key: _eager(value) for key, value in node.items()}
        return {**eager, "type": "list"} if eager.get("type") == "generator" else eager
    if isinstance(node, list | tuple):
        return type(node)(_eager(part) for part in node)
    return node


def closed(params: type) -> SchemaValidator:
    """Return the validator of a request body that the SDK describes by the TypedDict `params`."""
    return SchemaValidator(_eager(TypeAdapter(params).core_schema))


def check_body(validator: SchemaValidator, body: dict[str, Any]) -> None:
    """Accept a body that has the type.

    Raises:
        ApiError: Something is unknown, missing or wrong (400); `param` names it.
    """
    try:
        validator.validate_python(body)
    except ValidationError as error:
        raise _as_api_error(error, body) from error


_CREATE_BODY = closed(_CreateBody)


def check_create(body: dict[str, Any]) -> None:
    """Accept a create body as the real API would.

    Raises:
        ApiError: Something is unknown, wrong or not emulated (400); `param` names it.
    """
    if body.get("stream"):
        raise not_emulated("stream")
    check_body(_CREATE_BODY, body)
    _check_required(body)
    _check_metadata(body.get("metadata") or {})
    _check_background(body)
    if body.get("conversation"):
        raise not_emulated("conversation")
    if body.get("tool_choice", "auto") not in ("auto", "none"):
        raise not_emulated("tool_choice")
    check_format((body.get("text") or {}).get("format"))


def _check_required(body: dict[str, Any]) -> None:
    # A stored prompt brings its own model and input.
    for param in () if body.get("prompt") else ("model", "input"):
        if not body.get(param):
            message = f"Missing required parameter: {param!r}."
            raise ApiError(400, message, param=param, code="missing_required_parameter")


def _check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > 16:
        message = f"Invalid 'metadata': too many properties. Got {len(metadata)}, at most 16."
        raise ApiError(400, message, param="metadata", code="object_above_max_properties")
    for key, value in metadata.items():
        if len(key) > 64 or len(value) > 512:
            message = (
                f"Invalid 'metadata': {key[:64]!r} has over 64, or its value over 512, letters."
            )
            raise ApiError(400, message, param="metadata", code="string_above_max_length")


def _check_background(body: dict[str, Any]) -> None:
    window = (body.get("background_options") or {}).get("completion_window", "soonest")
    standard = body.get("service_tier") in (None, "auto", "default")
    if window != "soonest" and not (body.get("background") and standard):
        message = f"Completion window {window!r} needs background=true and standard processing."
        raise ApiError(400, message, param="background_options", code="invalid_value")


def _as_api_error(error: ValidationError, body: dict[str, Any]) -> ApiError:
    path, first = _likeliest(error.errors(include_url=False), body)
    param = _dotted(path)
    if first["type"] == "extra_forbidden":
        return ApiError(
            400, f"Unknown parameter: {param!r}.", param=param, code="unknown_parameter"
        )
    if first["type"] == "missing":
        message = f"Missing required parameter: {param!r}."
        return ApiError(400, message, param=param, code="missing_required_parameter")
    code = "invalid_value" if first["type"] == "literal_error" else "invalid_type"
    return ApiError(400, f"Invalid {param!r}: {first['msg']}.", param=param, code=code)


def _likeliest(errors: list[ErrorDetails], body: dict[str, Any]) -> tuple[_Path, ErrorDetails]:
    """Pick the error to report.

    A union reports the errors of all its members. The member that was meant is the one that got
    deepest into the body, whose `type` tag fits, and that complains least.
    """
    members: dict[_Path, list[tuple[_Path, ErrorDetails]]] = {}
    for error in errors:
        path, labels = _real_path(error, body)
        members.setdefault(labels, []).append((path, error))

    def unlikeliness(found: list[tuple[_Path, ErrorDetails]]) -> tuple[int, bool, int]:
        wrong_tag = any(path[-1:] == ("type",) for path, _ in found)
        return -max(len(path) for path, _ in found), wrong_tag, len(found)

    found = min(members.values(), key=unlikeliness)
    return next((item for item in found if item[1]["type"] == "extra_forbidden"), found[0])


def _real_path(error: ErrorDetails, body: Any) -> tuple[_Path, _Path]:
    """Split pydantic's location into the path in the body and the union members it names."""
    path: list[str | int] = []
    labels: list[str | int] = []
    for part in error["loc"]:
        indexed = isinstance(body, list) and isinstance(part, int)
        if indexed or (isinstance(body, dict) and part in body):
            path.append(part)
            body = body[part]
        else:
            labels.append(part)
    if error["type"] == "missing":
        path.append(labels.pop())  # a missing key is not in the body, yet it is what is meant
    return tuple(path), tuple(labels)


def _dotted(path: _Path) -> str:
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return dotted.lstrip(".")
