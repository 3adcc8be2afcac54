"""What Backburner is compared with: a plain Temporal worker that submits and waits.

Two activities per job, as one would write them first: submit a background response, then poll it
with heartbeats. Nothing is recorded but what Temporal keeps. `python -m benchmarks.bare --queue Q`.
"""

import argparse
import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.worker import PollerBehaviorAutoscaling, Worker

with workflow.unsafe.imports_passed_through():
    import openai
    import uvloop

ENDED = ("completed", "failed", "cancelled", "incomplete")
POLL_SECONDS = 1.0
"""As often as Backburner asks for short responses."""

TIMEOUT = timedelta(minutes=10)
HEARTBEAT = timedelta(seconds=30)
SLOTS, CACHED = 5000, 1000


class Deeds:
    """The two activities."""

    def __init__(self, sdk: openai.AsyncOpenAI) -> None:
        self._sdk = sdk

    @activity.defn(name="bare_submit")
    async def submit(self, model: str) -> str:
        """Submit a background response and return its id."""
        made = await self._sdk.responses.create(
            model=model, input="The pilot ran for six weeks.", background=True, store=True
        )
        return made.id

    @activity.defn(name="bare_wait")
    async def wait(self, response_id: str) -> str:
        """Poll a response until it has ended and return its text."""
        while True:
            found = await self._sdk.responses.retrieve(response_id)
            if found.status in ENDED:
                return found.output_text
            activity.heartbeat(response_id)
            await asyncio.sleep(POLL_SECONDS)


@workflow.defn(name="bare")
class Bare:
    """Submit, then wait."""

    @workflow.run
    async def run(self, model: str) -> str:
        """Return the text of one response."""
        response_id = await workflow.execute_activity(
            "bare_submit", model, start_to_close_timeout=TIMEOUT, result_type=str
        )
        text: str = await workflow.execute_activity(
            "bare_wait",
            response_id,
            start_to_close_timeout=TIMEOUT,
            heartbeat_timeout=HEARTBEAT,
            result_type=str,
        )
        return text


async def main(queue: str) -> None:
    """Serve until told to stop, with the sizes of Backburner's own worker."""
    connection = ClientConfig.load_client_connect_config()
    client = await Client.connect(**connection, data_converter=pydantic_data_converter)
    async with openai.AsyncOpenAI(max_retries=0) as sdk:
        deeds = Deeds(sdk)
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[Bare],
            activities=[deeds.submit, deeds.wait],
            max_cached_workflows=CACHED,
            max_concurrent_activities=SLOTS,
            max_concurrent_workflow_tasks=100,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        )
        await worker.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queue", required=True)
    uvloop.run(main(parser.parse_args().queue))
