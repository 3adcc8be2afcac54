"""Starts the workflows of deliveries that stand in the outbox.

Every worker has one. Which of them takes a row does not matter, and a row that is taken twice does
no harm: the workflow's id is the delivery's, so the second start finds the first.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError

from jobs.callbacks import DeliveryTicket
from jobs.errors import JobError
from jobs.starting import JOB_TENANT
from storage import outbox
from storage.database import Database
from storage.listening import going_on
from storage.outbox import Claimed
from storage.reaching import RPC_TIMEOUT
from telemetry import traces

logger = logging.getLogger(__name__)

WORKFLOW = "delivery"
"""Name of the workflow that sees one delivery through."""

AGAIN = "again"
"""Its signal: try at once, and begin the retry table anew."""

SCAN_SECONDS = 10.0
"""How often to look without having heard anything; a quarter more or less, at random."""

BATCH = 50
"""Workflows started at the same time."""


class Dispatcher:
    """Looks at the outbox when it hears of something, and now and then.

    Args:
        db: Where the outbox is.
        client: Starts the workflows.
        queue: Of the workflows.
        pauses: The retry table.
    """

    def __init__(
        self, db: Database, client: Client, queue: str, pauses: Sequence[timedelta]
    ) -> None:
        self._db = db
        self._client = client
        self._queue = queue
        self._pauses = tuple(pauses)
        self._heard = asyncio.Event()

    def wake(self) -> None:
        """Have the outbox looked at soon."""
        self._heard.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Dispatch for as long as the block lasts."""
        async with going_on(self._run):
            yield

    async def dispatch(self) -> None:
        """Start the workflow of everything that is due."""
        while claimed := await outbox.claim(self._db, limit=BATCH):
            tried = await asyncio.gather(*(self._start(each) for each in claimed))
            begun = [each for each, is_begun in zip(claimed, tried, strict=True) if is_begun]
            await outbox.started(self._db, begun)
            if len(begun) < len(claimed):
                return  # Temporal is in trouble; what was claimed is due again in a while

    async def _run(self) -> None:
        while True:
            pause = SCAN_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311 # spreads load
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), pause)
            self._heard.clear()
            try:
                await self.dispatch()
            except (JobError, asyncpg.PostgresError) as error:
                logger.warning("the outbox was not looked at: %s", error)

    async def _start(self, delivery: Claimed) -> bool:
        ticket = DeliveryTicket(
            delivery_id=delivery.id,
            tenant=delivery.tenant,
            channel=delivery.channel,
            pauses=self._pauses,
        )
        try:
            with traces.continuing(delivery.traceparent):
                await self._begin(delivery, ticket)
        except RPCError as error:
            logger.warning("delivery %s was not started: %s", delivery.id, error)
            return False
        return True

    async def _begin(self, delivery: Claimed, ticket: DeliveryTicket) -> None:
        await self._client.start_workflow(
            WORKFLOW,
            ticket,
            id=str(delivery.id),
            task_queue=self._queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            # Somebody asked for it again: whoever waits for the next attempt shall not.
            start_signal=AGAIN if delivery.round > 1 else None,
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(JOB_TENANT, delivery.tenant)]
            ),
            static_summary=f"Tell of {delivery.event}",
            priority=Priority(fairness_key=delivery.tenant),
            rpc_timeout=RPC_TIMEOUT,
        )
