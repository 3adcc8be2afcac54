"""What every job type keeps, checked for each one that is discovered."""

from typing import Any

import pytest
from pydantic import BaseModel
from temporalio import workflow as temporal

from jobs.errors import BY_CODE, JobFailure
from jobs.registry import JobType, discover
from tests.workflows.examples import example
from tests.workflows.replaying import HISTORIES

TYPES = [each for each in discover().values() if not each.workflow.__module__.startswith("tests.")]
EVERY = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
JSON_TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Return every schema inside a JSON Schema, the outermost first; examples are none."""
    if isinstance(schema, list):
        return [node for each in schema for node in nodes(each)]
    if not isinstance(schema, dict):
        return []
    inside = (each for name, each in schema.items() if name != "examples")
    return [schema, *(node for each in inside for node in nodes(each))]


@EVERY
def test_it_tells_people_what_it_does(kind: JobType):
    assert kind.description, "the class docstring is the description"
    assert 3 <= len(kind.title) <= 60
    assert kind.workflow.__doc__ is not None
    assert kind.workflow.__module__.rpartition(".")[2] == kind.name


@EVERY
@pytest.mark.parametrize("side", ["input", "output"])
def test_its_models_describe_themselves_in_json_schema(kind: JobType, side: str):
    schema = kind.schemas()[side]

    assert schema["type"] == "object"
    assert schema.get("description"), f"the {side} model needs a docstring"
    for node in nodes(schema):
        if isinstance(node.get("type"), str):
            assert node["type"] in JSON_TYPES
        if "$ref" in node:
            assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"]


@EVERY
@pytest.mark.parametrize("side", ["input", "output"])
def test_an_example_of_its_schema_survives_the_journey(kind: JobType, side: str):
    model: type[BaseModel] = getattr(kind, side)
    value = model.model_validate(example(kind.schemas()[side]))

    assert model.model_validate_json(value.model_dump_json()) == value


@EVERY
def test_its_failure_modes_are_known(kind: JobType):
    for code in kind.failure_modes:
        assert issubclass(BY_CODE[code], JobFailure), code
    assert len(set(kind.failure_modes)) == len(kind.failure_modes)


@EVERY
def test_its_deadline_leaves_room_for_what_is_expected(kind: JobType):
    assert kind.expected.total_seconds() > 0
    assert kind.deadline >= kind.expected


@EVERY
def test_temporal_knows_it_by_its_name_with_the_kits_messages(kind: JobType):
    found = temporal._Definition.must_from_class(kind.workflow)

    assert found.name == kind.name
    assert {"cancel", *kind.signals} == {name for name in found.signals if name}
    assert {"progress", "cost", *kind.queries} <= {name for name in found.queries if name}


@EVERY
@pytest.mark.parametrize("case", ["succeeded", "failed", "canceled"])
def test_its_histories_are_recorded(kind: JobType, case: str):
    path = HISTORIES / kind.name / f"{case}.json"

    assert path.exists(), "run `make histories`, and mention it in the changelog"
