"""Turning what callers give into JSON objects."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python


def sent(value: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Make a JSON object; what a model leaves at its default is left to the gateway."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dict(to_jsonable_python(value))
