"""The schedule that keeps one turn of maintenance running at a time."""

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from activities.maintenance import TURN

WORKFLOW = "maintenance"
"""Name of the workflow that runs one turn."""


async def ensure_maintenance(client: Client, queue: str) -> None:
    """Create the maintenance schedule unless it exists, and begin a turn unless one runs."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(WORKFLOW, id=f"{queue}-maintenance", task_queue=queue),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=TURN)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE),
    )
    schedule_id = f"{queue}-maintenance"
    try:
        await client.create_schedule(schedule_id, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(schedule_id)
        await handle.trigger(overlap=ScheduleOverlapPolicy.SKIP)
