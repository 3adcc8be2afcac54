"""A workflow that reads the machine's clock: the sandbox has to stop it."""

from datetime import datetime
from typing import Any

from temporalio import workflow


@workflow.defn(name="generate_title")
class ClockReader:
    """Bears the name of a job type and is not deterministic."""

    @workflow.run
    async def run(self, ticket: dict[str, Any]) -> dict[str, Any]:
        """Decide by the clock."""
        return {**ticket, "now": datetime.now().isoformat()}  # noqa: DTZ005 # the misdeed itself
