"""Children whose parent ended without them: maintenance ends them, and never starts one."""

import pytest

from jobs.children import ChildOpening, ChildRequest
from jobs.model import JobRef
from jobs.status import JobStatus
from jobs.values import JobId
from storage import executions
from storage.executions import Life
from tests.installation import TENANT, Installation, eventually
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import STUCK, family, statuses_at_provider
from tests.workflows.looking import agreed, events_of, responses_open, tell

OPENED = ChildRequest(key="a", type="test_asks", payload={"prompts": [STUCK]})


async def waiting_parent(house: Installation) -> JobId:
    """Start a parent that waits for a word before it runs anything."""
    job_id = await house.submit("test_parents", {"errands": [], "is_held": True})
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for)
    return job_id


async def opened(house: Installation, parent: JobId) -> JobId:
    """Open the row of a child as a parent does that dies before it starts the workflow."""
    assert house.deeds
    job = JobRef(tenant=TENANT, job_id=parent, type="test_parents")
    opening = ChildOpening(parent=job, child=OPENED)
    assert await house.deeds.children.open_child(opening)
    house.ids.append(opening.job.job_id)
    return opening.job.job_id


async def maintained(house: Installation) -> None:
    """Let an hour pass in the record, then let maintenance make all of its repairs."""
    assert house.deeds
    await house.db.execute(
        "UPDATE jobs SET created_at = created_at - interval '1 hour',"
        " updated_at = updated_at - interval '1 hour',"
        " cancel_requested_at = cancel_requested_at - interval '1 hour'"
    )
    await house.deeds.maintenance.one_pass()
    await house.deeds.maintenance.close_lost_quiet()


async def lost(house: Installation, job_id: JobId) -> None:
    """Wait until maintenance has found that a workflow was ended from outside."""

    async def repaired() -> JobStatus:
        await maintained(house)
        return (await house.job(job_id)).status

    await eventually(repaired, lambda status: status is JobStatus.FAILED)


async def terminate(house: Installation, job_id: JobId) -> None:
    await house.client.get_workflow_handle(str(job_id)).terminate("by an operator")


async def delete(house: Installation, job_id: JobId) -> None:
    await house.forget(job_id)


async def test_a_child_whose_parent_goes_on_is_left_to_it(house: Installation):
    parent = await waiting_parent(house)
    child = await opened(house, parent)
    await maintained(house)

    assert (await house.job(child)).status is JobStatus.PENDING
    assert await executions.look(house.client, child) is Life.ABSENT
    await tell(house, parent, "cancel", "enough")
    await agreed(house, parent)


@pytest.mark.parametrize("end", [terminate, delete])
async def test_a_child_that_was_never_started_is_canceled_when_its_parent_is_gone(house, end):
    parent = await waiting_parent(house)
    child = await opened(house, parent)
    await end(house, parent)
    await lost(house, parent)
    await maintained(house)

    row = await house.job(child)
    assert row.status is JobStatus.CANCELED
    assert [each.type for each in await events_of(house, child)] == ["created", "canceled"]
    assert await executions.look(house.client, child) is Life.ABSENT
    assert await house.created() == []
    [told] = [each.type for each in await events_of(house, parent) if "child" in each.type]
    assert told == "child_started"


async def test_a_child_that_goes_on_without_its_parent_is_canceled_with_its_response(house):
    parent = await waiting_parent(house)
    child = await opened(house, parent)
    # Started by another hand, so that Temporal knows of no parent whose end would reach it.
    row = await house.job(child)
    await executions.start(house.client, house.queue, house.job_types[row.type], row)
    await responses_open(house, child, 1)
    await terminate(house, parent)
    await lost(house, parent)
    await maintained(house)
    await maintained(house)

    row = await agreed(house, child)
    assert row.status is JobStatus.CANCELED
    asked = [each for each in await events_of(house, child) if each.type == "cancel_requested"]
    assert [each.data["by"] for each in asked] == ["maintenance"]
    assert await statuses_at_provider(house, await family(house, parent)) == ["cancelled"]
