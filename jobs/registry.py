"""The job types this installation knows, found by importing their files."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, TypeAdapter

from jobs.forecasts import Forecast, History
from jobs.mistakes import Checked

ENTRY_POINT_GROUP = "backburner.jobs"
"""Installed packages name modules with job types under this entry-point group."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


OWN_REFERENCES = "own references"
"""Marks an input field, as `Annotated[…, OWN_REFERENCES]`: references in it are the job's own."""


class PluginRefused(RuntimeError):
    """What an installed package brings cannot be used; the text is for people."""


class JobTypeConflict(PluginRefused):
    """Two files declare the same job type, or a name is not lower_snake_case."""


Check = Callable[[Any, Mapping[str, "JobType"]], Checked]
"""Looks at a payload before the start, beyond what its model says; knows all job types.

It gets the JSON as it was sent, which may not fit the model: its mistakes are told with the
model's, so it has to be content with whatever it finds. Pointers are into the payload.
"""

Forecaster = Callable[[Any, Mapping[str, "JobType"], Mapping[str, History]], Forecast]
"""Says what a job with a valid payload will probably take, from the histories of all job types."""


@dataclass(frozen=True)
class JobType:
    """Everything the gateway and the worker need to know about one kind of job.

    Attributes:
        name: Unique name; also the Temporal workflow type.
        workflow: The decorated class.
        expected: How long such a job usually takes; served as ETA until there is history.
        deadline: After how long it fails, unless the client says otherwise.
        failure_modes: Codes a client should expect in `error.code`.
        signals: Payload model of each signal, None where it takes nothing.
        queries: Return type of each query.
        check: Finds mistakes in a payload that its model cannot see.
        forecast: Estimates a job from its payload; without it the type's history is the estimate.
    """

    name: str
    title: str
    description: str
    workflow: type
    input: type[BaseModel]
    output: type[BaseModel]
    expected: timedelta
    deadline: timedelta
    failure_modes: tuple[str, ...] = ()
    signals: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    queries: Mapping[str, Any] = field(default_factory=dict)
    check: Check | None = None
    forecast: Forecaster | None = None

    @property
    def own_references(self) -> frozenset[str]:
        """Members of a payload whose references nobody else may resolve."""
        fields = self.input.model_fields.items()
        return frozenset(
            field.alias or name for name, field in fields if OWN_REFERENCES in field.metadata
        )

    @property
    def origin(self) -> tuple[str, str]:
        """Module and class name, the same inside and outside of Temporal's sandbox."""
        return self.workflow.__module__, self.workflow.__qualname__

    def schemas(self) -> dict[str, Any]:
        """Return JSON Schemas of input, output, signals and queries."""
        return {
            "input": self.input.model_json_schema(),
            "output": self.output.model_json_schema(mode="serialization"),
            "signals": {
                name: model.model_json_schema() if model else None
                for name, model in self.signals.items()
            },
            "queries": {
                name: TypeAdapter(kind).json_schema(mode="serialization")
                for name, kind in self.queries.items()
            },
        }


_TYPES: dict[str, JobType] = {}


def add(job_type: JobType) -> None:
    """Register a job type; importing its file again, as the sandbox does, changes nothing.

    Raises:
        JobTypeConflict: The name is taken by another class, or malformed.
    """
    if not NAME.fullmatch(job_type.name):
        raise JobTypeConflict(f"job type name {job_type.name!r} must be lower_snake_case")
    known = _TYPES.setdefault(job_type.name, job_type)
    if known.origin != job_type.origin:
        where = " and ".join(".".join(each.origin) for each in (known, job_type))
        raise JobTypeConflict(f"job type {job_type.name!r} is declared twice: {where}")


def find(name: str) -> JobType | None:
    """Return a job type whose file has been imported."""
    return _TYPES.get(name)


def discover(package: str = "workflows") -> dict[str, JobType]:
    """Import every job file of the package and of installed plug-ins; return types by name."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.ispkg:
            importlib.import_module(f"{package}.{module.name}")
    for plugin in entry_points(group=ENTRY_POINT_GROUP):
        plugin.load()
    return dict(sorted(_TYPES.items()))
