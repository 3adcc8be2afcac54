"""Every recorded history replays: running jobs survive the code of today."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import (
    SandboxedWorkflowRunner,
    SandboxRestrictions,
)

import worker
from jobs.queues import Queue
from jobs.registry import discover
from settings import WorkerSettings
from tests.installation import Installation
from tests.workflows import approval_jobs, job_types  # noqa: F401 # declare them
from tests.workflows.changed_workflow import ChangedTitle
from tests.workflows.clock_reader import ClockReader
from tests.workflows.replaying import RECORDED, history_in, replay
from workflows.core.delivery import DeliveryRun
from workflows.core.maintenance import MaintenanceTurn
from workflows.core.scheduled import ScheduledJobRun

OURS: dict[str, type] = {
    "delivery": DeliveryRun,
    "maintenance": MaintenanceTurn,
    "scheduled_job": ScheduledJobRun,
}
"""Workflows that carry no job."""


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", RECORDED, ids=name_of)
async def test_a_recorded_history_replays(path: Path):
    name = path.parent.name
    await replay(history_in(path), OURS.get(name) or discover()[name].workflow)


async def test_a_workflow_that_decides_otherwise_is_noticed():
    path = next(each for each in RECORDED if name_of(each) == "generate_title/succeeded")

    with pytest.raises(workflow.NondeterminismError):
        await replay(history_in(path), ChangedTitle)


@pytest.mark.parametrize("path", RECORDED, ids=name_of)
def test_a_recorded_history_is_small_and_names_no_machine(path: Path):
    text = path.read_text("utf-8")

    assert len(text) < 300_000
    assert '"stackTrace"' not in text
    assert "@" not in text


async def test_every_workflow_that_a_worker_serves_has_a_recorded_history(house: Installation):
    assert house.deeds is not None
    types = {
        name: kind
        for name, kind in house.job_types.items()
        if kind.workflow.__module__.startswith("workflows.")
    }
    [served] = worker.workers(
        house.client,
        house.deeds,
        types,
        [Queue.MAIN],
        base="never-polled",
        settings=WorkerSettings(),
    )
    kinds = served.config(active_config=False)["workflows"]
    names = {workflow._Definition.must_from_class(kind).name for kind in kinds}
    assert names - {path.parent.name for path in RECORDED} == set()
    assert names - types.keys() == OURS.keys()


async def test_a_worker_sandboxes_all_but_our_own_files(house: Installation):
    assert house.deeds is not None
    served = worker.workers(
        house.client,
        house.deeds,
        dict(house.job_types),
        [Queue.MAIN],
        base="never-polled",
        settings=WorkerSettings(),
    )[0]
    theirs = served.config(active_config=False)["workflow_runner"]

    assert isinstance(theirs, SandboxedWorkflowRunner)
    ours = theirs.restrictions.passthrough_modules - SandboxRestrictions.default.passthrough_modules
    assert ours == {"jobs", "workflows", "opentelemetry"}
    definitions = map(
        workflow._Definition.must_from_class, served.config(active_config=False)["workflows"]
    )
    assert {each.cls.__module__.split(".")[0]: each.sandboxed for each in definitions} == {
        "workflows": False,
        "tests": True,
    }


async def test_a_job_file_that_reads_the_clock_does_not_replay():
    path = next(each for each in RECORDED if name_of(each) == "generate_title/succeeded")

    with pytest.raises(RuntimeError, match=r"Cannot access datetime\.datetime\.now"):
        await replay(history_in(path), ClockReader)
