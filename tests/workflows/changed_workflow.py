"""A workflow that has changed under running jobs: the replay test has to notice."""

from datetime import timedelta
from typing import Any

from temporalio import workflow


@workflow.defn(name="generate_title")
class ChangedTitle:
    """Bears the name of a job type and decides otherwise."""

    @workflow.run
    async def run(self, ticket: dict[str, Any]) -> dict[str, Any]:
        """Sleep, which the recorded histories never did."""
        await workflow.sleep(timedelta(seconds=1))
        return ticket
