"""Turning what callers give into JSON objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from jobs.options import JobOptions


def sent(value: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Make a JSON object; what a model leaves at its default is left to the gateway."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dict(to_jsonable_python(value))


def job_of(
    type: str,
    payload: BaseModel | Mapping[str, Any],
    *,
    options: JobOptions | Mapping[str, Any] | None,
    labels: Mapping[str, str] | None,
    callback_url: str | None,
    notify: str | Iterable[str | Mapping[str, Any]],
) -> dict[str, Any]:
    """Make a job as `POST /api/jobs` takes it; what nobody chose is left to the gateway."""
    choices = {
        "options": sent(options) if options else None,
        "labels": dict(labels or {}),
        "callback_url": callback_url,
        "notify": [notify] if isinstance(notify, str) else list(notify),
    }
    chosen = {name: each for name, each in choices.items() if each}
    return {"type": type, "payload": sent(payload)} | chosen
