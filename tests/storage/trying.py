"""A workflow that waits for one deed; a file of its own, since the sandbox imports it."""

from datetime import timedelta

from temporalio import workflow


@workflow.defn(name="trying")
class Trying:
    """Have a deed done until it succeeds."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            "fail_deeply", start_to_close_timeout=timedelta(seconds=10), heartbeat_timeout=None
        )
