"""A parent that an operator resets in Temporal: no child runs twice, none is lost."""

import uuid

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from jobs.children import child_id
from jobs.status import JobStatus
from jobs.values import JobId
from tests.installation import Installation, eventually
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import (
    STUCK,
    all_agreed,
    asking,
    child_asks,
    family,
    statuses_at_provider,
)
from tests.workflows.looking import history_of, kinds, pending_activities, scripted, tell

SLOW = scripted("Wait.", queued_seconds=0, run_seconds=1.5)
FIRST, LAST = 0, -1


async def reset(house: Installation, job_id: JobId, turn: int) -> None:
    """Reset a job's workflow to before one of its workflow tasks ended."""
    history = await history_of(house, job_id)
    ends = [
        each.event_id
        for each, kind in zip(history, kinds(history), strict=True)
        if kind == "WORKFLOW_TASK_COMPLETED"
    ]
    await house.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=house.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=str(job_id)),
            reason="to see",
            workflow_task_finish_event_id=ends[turn],
            request_id=str(uuid.uuid4()),
        )
    )


async def child_started(house: Installation, job_id: JobId) -> None:
    async def known() -> bool:
        return "CHILD_WORKFLOW_EXECUTION_STARTED" in kinds(await history_of(house, job_id))

    await eventually(known)


@pytest.mark.parametrize("turn", [FIRST, LAST], ids=["to_the_start", "to_the_last_task"])
async def test_a_reset_parent_waits_for_the_child_that_it_has(house: Installation, turn):
    job_id = await house.submit("test_parents", {"errands": [asking("a", SLOW)]})
    await child_asks(house, job_id, "a")
    await child_started(house, job_id)
    await reset(house, job_id, turn)

    parent, child = rows = await all_agreed(house, job_id)
    assert [row.status for row in rows] == [JobStatus.SUCCEEDED] * 2
    [outcome] = (await house.result(job_id))["outcomes"]
    assert outcome["output"] == await house.result(child.id)
    assert parent.cost == child.cost
    assert await statuses_at_provider(house, rows) == ["completed"]


@pytest.mark.parametrize("turn", [FIRST, LAST], ids=["to_the_start", "to_the_last_task"])
async def test_a_parent_that_is_reset_after_its_end_ends_the_same_and_pays_nothing(house, turn):
    job_id = await house.submit(
        "test_parents", {"errands": [asking("a", "Hi.")], "last_words": "Bye."}
    )
    rows = await all_agreed(house, job_id)
    await house.closed(job_id)
    await reset(house, job_id, turn)

    assert await all_agreed(house, job_id) == rows
    assert await statuses_at_provider(house, rows) == ["completed"] * 2


@pytest.mark.parametrize("turn", [FIRST, LAST], ids=["to_the_start", "to_the_last_task"])
async def test_a_cancel_of_a_reset_parent_reaches_the_child(house: Installation, turn):
    job_id = await house.submit("test_parents", {"errands": [asking("a", STUCK)]})
    child = await child_asks(house, job_id, "a")
    await child_started(house, job_id)
    await reset(house, job_id, turn)
    if turn == FIRST:
        # The new run is not the child's parent for Temporal: it waits for the record.
        await eventually(
            lambda: pending_activities(house, job_id), lambda found: "child_outcome" in found
        )
    await tell(house, job_id, "cancel", "too slow")

    rows = await all_agreed(house, job_id)
    assert child == child_id(job_id, "a")
    assert [row.status for row in rows] == [JobStatus.CANCELED] * 2
    assert await statuses_at_provider(house, await family(house, job_id)) == ["cancelled"]
