"""Paths, parameters and bodies of requests."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from backburner.models.options import JobOptions


def path(*segments: object) -> str:
    """Return a path of the gateway's API: `path("jobs", job_id)` is `/api/jobs/…`."""
    return "/".join(("/api", *(quote(str(each), safe="") for each in segments)))


def json_object(value: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Make a JSON object; what a model leaves at its default is left to the gateway."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dict(to_jsonable_python(value))


def without_none(**values: Any) -> dict[str, Any]:
    """Return what was chosen, as parameters or a body; datetimes and enums become text."""
    chosen = {name: value for name, value in values.items() if value is not None}
    return {
        name: value.isoformat() if isinstance(value, datetime) else to_jsonable_python(value)
        for name, value in chosen.items()
    }


def idempotency_key(key: str | None) -> dict[str, str]:
    """Return the header that makes a request safe to repeat; a missing key is made up."""
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def prefer_wait(seconds: float) -> dict[str, str]:
    """Return the header that asks the gateway to hold its reply until a job ends."""
    return {"Prefer": f"wait={int(seconds)}"} if seconds >= 1 else {}


def job_request(
    type: str,
    payload: BaseModel | Mapping[str, Any],
    *,
    options: JobOptions | Mapping[str, Any] | None,
    labels: Mapping[str, str] | None,
    callback_url: str | None = None,
    notify: str | Iterable[str | Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Make a job as `POST /api/jobs` takes it; what nobody chose is left to the gateway."""
    choices = {
        "options": json_object(options) if options else None,
        "labels": dict(labels or {}),
        "callback_url": callback_url,
        "notify": [notify] if isinstance(notify, str) else list(notify),
    }
    chosen = {name: each for name, each in choices.items() if each}
    return {"type": type, "payload": json_object(payload)} | chosen
