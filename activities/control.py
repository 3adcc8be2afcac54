"""Implements `ControlDeeds`: what a workflow asks of Temporal itself."""

from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client

from jobs.ports import ControlDeeds


@dataclass(frozen=True)
class Control(ControlDeeds):
    """The deeds that talk to the Temporal server."""

    client: Client

    @activity.defn(name="cancel_own_workflow")
    async def cancel_own_workflow(self, reason: str) -> None:
        """Ask Temporal to cancel the workflow that called."""
        me = activity.info()
        handle = self.client.get_workflow_handle(me.workflow_id or "", run_id=me.workflow_run_id)
        await handle.cancel(reason=reason)
