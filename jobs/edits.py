"""Checking a person's edits against the JSON Schema that a job gave for them.

Schemas may come from clients, so nothing is fetched for a `$ref`, and patterns are matched in time
linear in the text.
"""

from typing import Any

from jsonschema_rs import RegexOptions, ValidationError, Validator, validator_for

MOST_FLAWS, LONGEST_DETAIL = 100, 500


def check_schema(schema: dict[str, Any]) -> str | None:
    """Return what is wrong with a JSON Schema, None when it can be used."""
    try:
        _validator(schema)
    except ValueError as flaw:
        return str(flaw).partition("\n")[0]
    return None


def misfits(schema: dict[str, Any], edits: Any) -> list[tuple[list[str | int], str]]:
    """Return where edits do not fit their schema, as paths into them, and why."""
    found = []
    for flaw in _validator(schema).iter_errors(edits):
        found.append((_path(flaw), flaw.message[:LONGEST_DETAIL]))
        if len(found) == MOST_FLAWS:
            break
    return found


def _validator(schema: dict[str, Any]) -> Validator:
    return validator_for(
        schema, offline=True, pattern_options=RegexOptions(), validate_formats=True
    )


def _path(flaw: ValidationError) -> list[str | int]:
    """Name a missing member itself, as pydantic does, instead of the object it is missing from."""
    missing = flaw.kind.as_dict().get("property") if flaw.kind.name == "required" else None
    return [*flaw.instance_path, *([missing] if isinstance(missing, str) else [])]
