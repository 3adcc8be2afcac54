"""Implements `MaintenanceDeeds`: repairs what fell between Temporal and Postgres.

Temporal is the truth of execution and Postgres the record. Between the two a process can die, an
operator can terminate a workflow, a retention can end. Each repair here looks for one kind of gap
and closes it with the same compare-and-set that everybody else uses, so that two passes, or a pass
and a workflow, never harm one another.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.adopting import Adopter
from activities.census import Census
from activities.closing import end_row
from activities.document_erasing import DocumentEraser
from activities.erasing import erase_due
from activities.pulse import Pulse, beating
from activities.releasing import Releaser
from activities.side_by_side import SideBySide
from jobs.errors import ProviderFailure, ServiceUnavailable
from jobs.model import JobRef
from jobs.ports import MaintenanceDeeds
from jobs.registry import JobType
from jobs.status import JobStatus
from jobs.values import JobId
from storage import (
    approvals,
    children,
    delivery_log,
    executions,
    inbox,
    installation,
    job_lists,
    job_moves,
    responses,
)
from storage.database import Database
from storage.document_states import let_go_of_the_dead
from storage.executions import Life
from storage.job_lists import Position
from storage.jobs import JobRow

logger = logging.getLogger(__name__)

TURN = timedelta(minutes=5)
"""How long one run of the deed makes passes; the schedule starts the next run as often."""

PAUSE_SECONDS = 10.0
"""Between two passes. A terminated workflow is noticed within this and the lag of visibility."""

OVERLAP = timedelta(minutes=2)
"""How far each look at closed workflows reaches back: visibility is written behind the event."""

QUIET = timedelta(minutes=10)
"""An open job nobody wrote to for so long is looked up in Temporal, once per run of the deed."""

PATIENCE = timedelta(seconds=10)
"""A cancel unanswered for so long is repeated."""

BATCH = 200
"""Rows per pass and kind: a backlog is worked off over several passes."""

MOST_SILENCES = 10
"""Starts, or cancels, that may fail in one pass before the others are left to the next one: each
takes time."""

WATERMARK = "closed_workflows"


@dataclass(frozen=True)
class Maintenance(MaintenanceDeeds):
    """The deed that the `maintenance` schedule starts."""

    db: Database
    client: Client
    releaser: Releaser
    adopter: Adopter
    job_types: Mapping[str, JobType]
    queue: str
    stuck_start: timedelta
    census: Census
    document_eraser: DocumentEraser
    releases: SideBySide = field(default_factory=SideBySide)

    @activity.defn(name="sweep")
    async def sweep(self) -> None:
        """Repair what fell between Temporal and Postgres, pass after pass, for some minutes.

        Whatever a turn does only once, no pass depends on it: its trouble is raised in the end.
        """
        try:
            await beating(
                _each(
                    ("look up quiet jobs", self.close_lost_quiet),
                    ("forget notices", partial(inbox.forget, self.db)),
                    ("forget deliveries", partial(delivery_log.forget, self.db)),
                    ("make its passes", self._passes),
                ),
                Pulse,
            )
        finally:
            self.census.close()
            await self.releases.stop()

    async def _passes(self) -> None:
        ends = time.monotonic() + TURN.total_seconds()
        while time.monotonic() < ends and not activity.is_worker_shutdown():
            await self.one_pass()
            with suppress(TimeoutError):
                await asyncio.wait_for(activity.wait_for_worker_shutdown(), PAUSE_SECONDS)

    async def one_pass(self) -> None:
        """Make every quick repair once; what spoils one of them is raised after all others."""
        db, provider, eraser = self.db, self.releaser.provider, self.document_eraser
        await _each(
            ("count jobs", self.census.take),
            ("start pending jobs", self.start_pending),
            ("close jobs of closed workflows", self.close_lost),
            ("close jobs whose parent has ended", self.close_orphans),
            ("take back documents", partial(let_go_of_the_dead, db)),
            ("repeat unanswered cancels", self.repeat_cancels),
            ("repeat decisions", self.repeat_decisions),
            ("release abandoned responses", self.release_abandoned),
            ("look at unknown responses", self.adopter.adopt_strangers),
            ("delete responses", partial(erase_due, db, provider)),
            ("delete the provider's files", eraser.erase_files),
            ("delete objects of documents", eraser.erase_objects),
        )

    async def start_pending(self) -> None:
        """Start pending jobs whose workflow never began, as far back as Temporal remembers."""
        rows = await job_lists.unstarted(
            self.db,
            older_than=self.stuck_start,
            younger_than=await executions.retention(self.client),
            limit=BATCH,
        )
        # Not always the same ones first: those whose payload finds no room would keep the others.
        random.shuffle(rows)
        seen_to: list[JobId] = []
        left: list[JobId] = []
        try:
            for row in rows:
                tried = len(left) < MOST_SILENCES and await self._start(row)
                (seen_to if tried else left).append(row.id)
        finally:
            await job_lists.checked(self.db, seen_to)
            await job_lists.unchecked(self.db, left)

    async def _start(self, row: JobRow) -> bool:
        """Start a pending job; False when that has to be tried again in the next pass."""
        try:
            # Its turn may come long after it was fetched, and its cancel in between.
            if await job_lists.awaits_start(self.db, row.id):
                await executions.start(self.client, self.queue, self.job_types[row.type], row)
        except KeyError:
            logger.warning("job %s has a type this worker does not know: %s", row.id, row.type)
        except ValidationError as error:
            logger.warning("job %s does not fit its type any more: %s", row.id, error)
        except RPCError as error:
            # It must not keep others from starting; this one is tried again in a while.
            logger.error("Temporal refuses to start job %s: %s", row.id, error.message)
        except ServiceUnavailable as error:
            # Of Temporal, or of the store that a large payload has to go to.
            logger.warning("job %s is not started yet: %s", row.id, error.detail)
            return False
        return True

    async def close_lost(self) -> None:
        """Close jobs whose workflow closed without recording how."""
        now = datetime.now(UTC)
        since = await installation.watermark(self.db, WATERMARK) or now - timedelta(hours=1)
        closed = [
            job_id
            async for each in executions.broken_off_since(self.client, self.queue, since - OVERLAP)
            if (job_id := _job_id(each)) is not None
        ]
        for first in range(0, len(closed), BATCH):
            for row in await job_lists.still_open(self.db, closed[first : first + BATCH]):
                await self._close_if_lost(row)
        await installation.move_watermark(self.db, WATERMARK, now)

    async def close_lost_quiet(self) -> None:
        """Look up open jobs nobody has written to for long; visibility may have missed one."""
        after: Position | None = None
        while rows := await job_lists.quiet(self.db, idle=QUIET, after=after, limit=BATCH):
            for row in rows:
                await self._close_if_lost(row)
            after = Position(rows[-1].created_at, rows[-1].id)

    async def close_orphans(self) -> None:
        """End children whose parent has ended without them: it was terminated or is gone."""
        for row in await children.orphans(self.db, idle=PATIENCE, limit=BATCH):
            life = await executions.look(self.client, row.id)
            if life is Life.OPEN:
                # Temporal has told its workflow, unless somebody cut the two apart.
                await job_moves.request_cancel(
                    self.db, row.tenant, row.id, by="maintenance", reason="its parent has ended"
                )
            elif life is Life.ABSENT and row.status is JobStatus.PENDING:
                await end_row(self.db, row, JobStatus.CANCELED)
            else:
                await end_row(self.db, row, JobStatus.FAILED)

    async def repeat_cancels(self) -> None:
        """Tell workflows again that their job was canceled; end jobs that have no workflow."""
        rows = await job_lists.unanswered_cancels(self.db, older_than=PATIENCE, limit=BATCH)
        left: list[JobId] = []
        try:
            for row in rows:
                if len(left) >= MOST_SILENCES or not await self._repeat_cancel(row):
                    left.append(row.id)
        finally:
            await job_lists.untold_of_cancels(self.db, left)

    async def _repeat_cancel(self, row: JobRow) -> bool:
        """Repeat a cancel; False when that has to be tried again in the next pass."""
        try:
            if not await executions.ask_to_cancel(self.client, row.id, "canceled in the record"):
                await end_row(self.db, row, JobStatus.CANCELED)
        except RPCError as error:
            # It must not keep others from being canceled: a workflow takes only so many signals.
            logger.error("Temporal refuses to cancel job %s: %s", row.id, error.message)
        except ServiceUnavailable as error:
            logger.warning("job %s is not canceled yet: %s", row.id, error.detail)
            return False
        return True

    async def repeat_decisions(self) -> None:
        """Tell workflows of decisions whose gateway died, or met no Temporal, before it could."""
        for each in await approvals.untold(self.db, limit=BATCH):
            await executions.signal(self.client, each.job_id, *each.signal)

    async def release_abandoned(self) -> None:
        """Cancel responses whose job has ended without them."""
        jobs = await responses.abandoned(self.db, limit=BATCH)
        await self.releases.make({job.job_id: partial(self._release, job) for job in jobs})

    async def _release(self, job: JobRef) -> None:
        release = partial(self.releaser.release_all, job)
        await _each((f"release responses of job {job.job_id}", release))

    async def _close_if_lost(self, row: JobRow) -> None:
        life = await executions.look(self.client, row.id)
        if life is Life.OPEN:
            return
        if life is Life.ABSENT and row.status is JobStatus.PENDING:
            if row.parent_id is not None:
                return  # its parent starts it, or `close_orphans` ends it
            # Never started. `start_pending` will, unless Temporal may have forgotten that it was.
            age = datetime.now(UTC) - row.created_at
            if age < await executions.retention(self.client):
                return
        await end_row(self.db, row, JobStatus.FAILED)


async def _each(*repairs: tuple[str, Callable[[], Awaitable[None]]]) -> None:
    """Make repairs one after the other, then raise what spoiled the first that was spoiled.

    Trouble of the provider is not raised: the next pass tries again.
    """
    trouble: Exception | None = None
    for what, repair in repairs:
        try:
            await repair()
        except ProviderFailure as error:
            logger.warning("maintenance could not %s: %s", what, error.detail)
        except Exception as error:  # noqa: BLE001 # raised below
            logger.warning("maintenance could not %s: %r", what, error)
            trouble = trouble or error
    if trouble is not None:
        raise trouble


def _job_id(workflow_id: str) -> JobId | None:
    try:
        return JobId(UUID(workflow_id))
    except ValueError:
        return None
