"""What the log says of the job that a deed is done for."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.interceptor import Failures
from jobs.errors import JobNotFound
from jobs.registry import discover
from telemetry.logs import JsonFormatter

BEHIND = LookupError("nothing there")


class Innermost(ActivityInboundInterceptor):
    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await input.fn(*input.args)


async def deed() -> None:
    """Say something and fail."""
    logging.getLogger("deed").info("said")
    raise JobNotFound("it is gone") from BEHIND


class Lines(logging.Handler):
    """Formats records as they come, when it is known what they are about."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.jobs: list[str | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.jobs.append(json.loads(self.format(record)).get("job_id"))


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    yield lines
    root.setLevel(level)
    root.removeHandler(lines)


async def fail_in(workflow_type: str) -> None:
    """Do the deed for a workflow of this type."""
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info, workflow_type=workflow_type, workflow_id="the workflow"
    )
    doing = Failures().intercept_activity(Innermost())
    with pytest.raises(ApplicationError, match="it is gone") as caught:
        await environment.run(doing.execute_activity, ExecuteActivityInput(deed, (), None, {}))
    # It stands for the deed's own error: where that arose, and what was behind it.
    assert caught.traceback[-1].name == "deed"
    assert caught.value.__cause__ is BEHIND


async def test_a_deed_of_a_job_names_it(lines: Lines):
    discover()
    await fail_in("generate_title")
    assert lines.jobs == ["the workflow", "the workflow"]


@pytest.mark.parametrize("workflow_type", ["delivery", "maintenance", "scheduled_job"])
async def test_no_other_workflow_passes_for_a_job(lines: Lines, workflow_type: str):
    discover()
    await fail_in(workflow_type)
    assert lines.jobs == [None, None]
