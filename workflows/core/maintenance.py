"""The workflow that the `maintenance` schedule starts."""

from temporalio import workflow

from jobs.ports import MaintenanceDeeds
from workflows.core import queues, timing


@workflow.defn(name="maintenance", sandboxed=False)
class MaintenanceTurn:
    """Keep Temporal and Postgres in agreement for some minutes."""

    @workflow.run
    async def run(self) -> None:
        """Run one turn of the sweep."""
        await queues.urgently(
            MaintenanceDeeds.sweep,
            start_to_close_timeout=timing.SWEEP,
            heartbeat_timeout=timing.HEARTBEAT,
            summary="Repair what fell between Temporal and Postgres",
        )
