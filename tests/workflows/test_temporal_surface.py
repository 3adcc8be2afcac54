"""What people see of a job in Temporal UI."""

import json
from typing import Any

from temporalio.api.sdk.v1 import WorkflowMetadata

from tests.installation import Installation, eventually
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import (
    agreed,
    carried,
    history_of,
    responses_open,
    scripted,
    tell,
)

SLOW = scripted("Slow.", outcome="stuck")


async def metadata_of(house: Installation, job_id: Any) -> WorkflowMetadata:
    handle = house.client.get_workflow_handle(str(job_id))
    found: WorkflowMetadata = await handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return found


async def test_a_running_job_describes_itself(house: Installation):
    job_id = await house.submit("test_asks", {"prompts": ["Quick.", SLOW]})
    await responses_open(house, job_id, 1)
    await eventually(lambda: house.job(job_id), lambda row: row.progress.current == 1)

    described = await house.client.get_workflow_handle(str(job_id)).describe()
    assert await described.static_summary() == "Ask in a row"
    metadata = await metadata_of(house, job_id)
    lines = metadata.current_details.splitlines()
    assert lines[0] == "### Ask in a row"
    assert lines[1] == "`test_asks` of tenant `default`"
    assert "- **Asking**: 1 of 2" in lines
    assert "- Responses settled: 1" in lines
    assert any(line.startswith("- Cost so far: $0.") for line in lines)
    signals = {each.name: each.description for each in metadata.definition.signal_definitions}
    assert signals["cancel"] == "Cancel the job and its open responses"
    assert {"progress", "cost"} <= {q.name for q in metadata.definition.query_definitions}
    await tell(house, job_id, "cancel")
    await agreed(house, job_id)


async def test_a_waiting_job_says_so_above_its_history(house: Installation):
    job_id = await house.submit("test_approvals", {"prompts": []})
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for)

    assert "**Waiting for an approval**" in (await metadata_of(house, job_id)).current_details
    await tell(house, job_id, "decide", {"approved": True, "by": "Ada"})
    await agreed(house, job_id)


async def test_every_activity_in_the_history_has_a_summary(house: Installation):
    row = await carried(house, "test_trees", {"branches": [["One."]]})

    summaries = [
        json.loads(each.user_metadata.summary.data)
        for each in await history_of(house, row.id)
        if each.HasField("activity_task_scheduled_event_attributes")
    ]
    assert summaries == ["Ask a leaf", "Sum up a branch"]
