"""The example pipelines are good ones, and run."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.bodies import JobRequest
from jobs.examining import examine
from jobs.registry import discover
from tests.installation import Installation
from tests.workflows.looking import carried

PIPELINES = sorted((Path(__file__).parents[2] / "examples/pipelines").glob("*.json"))
BY_THEMSELVES = [each for each in PIPELINES if each.stem != "report_on_documents"]
"""Those that need neither documents nor a person; tests/api runs the other one."""


def body(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_an_example_is_a_body_without_a_mistake(path: Path):
    wanted = JobRequest.model_validate(body(path))
    kinds = discover()
    assert wanted.type == "pipeline"
    assert examine(kinds[wanted.type], wanted.payload, kinds).mistakes == []


@pytest.mark.parametrize("path", BY_THEMSELVES, ids=lambda path: path.stem)
async def test_an_example_runs(house: Installation, path: Path):
    row = await carried(house, "pipeline", body(path)["payload"])
    assert row.status == "succeeded", row.failure
