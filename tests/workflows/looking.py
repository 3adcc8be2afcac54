"""Looking at jobs from all sides, and checking that the sides agree."""

from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

from jobs.options import JobOptions
from jobs.values import JobId
from storage import events
from storage.jobs import JobRow
from tests.installation import TENANT, Installation, eventually

CLOSED_AS = {"succeeded": "COMPLETED", "failed": "FAILED", "canceled": "CANCELED"}
GOING_ON = {"queued", "in_progress"}


def scripted(text: str, **script: Any) -> str:
    """Return a prompt that tells the emulator how to answer it."""
    import json

    return f"{text} [[emulator: {json.dumps(script)}]]"


async def events_of(house: Installation, job_id: JobId) -> list[events.Event]:
    return await events.after(house.db, TENANT, job_id, 0, limit=10_000)


async def history_of(house: Installation, job_id: JobId) -> list[HistoryEvent]:
    history = await house.client.get_workflow_handle(str(job_id)).fetch_history()
    return list(history.events)


def kinds(history: list[HistoryEvent]) -> list[str]:
    return [EventType.Name(each.event_type).removeprefix("EVENT_TYPE_") for each in history]


def failed_tasks(events: list[HistoryEvent]) -> list[Any]:
    """Return failed workflow tasks, but for those Temporal repeats because news came meanwhile."""
    news = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    failed = [
        each.workflow_task_failed_event_attributes
        for each in events
        if each.HasField("workflow_task_failed_event_attributes")
    ]
    return [each for each in failed if each.cause != news]


async def scheduled(house: Installation, job_id: JobId) -> list[str]:
    """Return the names of the ordinary activities a job has scheduled."""
    found = (
        each.activity_task_scheduled_event_attributes.activity_type.name
        for each in await history_of(house, job_id)
    )
    return [name for name in found if name]


async def agreed(house: Installation, job_id: JobId, *, raced: bool = False) -> JobRow:
    """Wait for a job's end; check that Postgres, Temporal, events and provider tell one story.

    When a cancel raced with the ending, the output may stand in the record alone.
    """
    row = await house.ended(job_id)
    assert await house.closed(job_id) == CLOSED_AS[row.status]
    told = await events_of(house, job_id)
    types = [each.type for each in told]
    assert [each.seq for each in told] == list(range(1, row.last_seq + 1))
    assert (types[0], types[-1]) == ("created", row.status)
    assert sum(each in CLOSED_AS for each in types) == 1
    assert types.count("started") <= 1
    if row.status == "succeeded":
        handle = house.client.get_workflow_handle(str(job_id), result_type=dict[str, Any])
        outcome = await handle.result()
        known = [None] if raced else []
        assert outcome["output"] in [*known, await house.result(job_id)]
        assert outcome["cost"]["responses"] == row.cost.responses
    assert [each for each in await created_by(house, job_id) if each["status"] in GOING_ON] == []
    assert [each for each in await house.submits(job_id) if each.state == "open"] == []
    return row


async def created_by(house: Installation, job_id: JobId) -> list[dict[str, Any]]:
    """Return the responses of one job, as the emulator knows them."""
    ledger = await house.created()
    return [each for each in ledger if each["metadata"]["backburner_job"] == str(job_id)]


async def carried(
    house: Installation, job_type: str, payload: dict[str, Any], options: JobOptions | None = None
) -> JobRow:
    """Submit a job and return it when it has ended the same on all sides."""
    return await agreed(house, await house.submit(job_type, payload, options))


async def responses_open(house: Installation, job_id: JobId, count: int) -> None:
    """Wait until the provider works on this many responses whose ids the ledger knows."""

    async def known() -> int:
        submits = await house.submits(job_id)
        return sum(1 for each in submits if each.state == "open" and each.response_id)

    await eventually(known, lambda found: found == count)


async def ask(house: Installation, job_id: JobId, query: str) -> Any:
    return await house.client.get_workflow_handle(str(job_id)).query(query)


async def tell(house: Installation, job_id: JobId, signal: str, *args: Any) -> None:
    await house.client.get_workflow_handle(str(job_id)).signal(signal, args=args)


async def pending_activities(house: Installation, job_id: JobId | str) -> list[str]:
    found = await house.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=house.client.namespace, execution=WorkflowExecution(workflow_id=str(job_id))
        )
    )
    return [each.activity_type.name for each in found.pending_activities]
