"""Implements `ChildDeeds`: the rows of jobs that a job runs, before and after they run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client

from activities.closing import end_row
from activities.records import recorded_result
from jobs import starting
from jobs.children import DEEPEST, ChildOpening, ChildOutcome, OpenedChild
from jobs.errors import ChildGoesOn, DocumentNotFound, InvalidPayload, NestedTooDeep, UnknownJobType
from jobs.examining import examine
from jobs.mistakes import Mistake
from jobs.model import Ending, Failure, JobRef
from jobs.ports import ChildDeeds
from jobs.registry import JobType
from jobs.status import JobStatus
from storage import children, documents, executions, job_moves, jobs
from storage.database import Database
from storage.executions import Life
from storage.jobs import JobRow
from storage.objects import Objects

MOST_TOLD = 20
"""Mistakes told in the message of a failure."""


@dataclass(frozen=True)
class Children(ChildDeeds):
    """The deeds about jobs that a job runs."""

    db: Database
    objects: Objects
    client: Client
    job_types: Mapping[str, JobType]

    @activity.defn(name="open_child")
    async def open_child(self, opening: ChildOpening) -> OpenedChild | None:
        """Open the row of a child; opening it again changes nothing.

        A child that cannot run, because its type is unknown or its payload does not fit, has a row
        too and fails in it at once: whoever lists the parent's children sees what was tried.

        Returns:
            None when the parent has ended or its cancel was requested: then there is no row.
        """
        row = await children.open_child(self.db, opening)
        if row is None:
            return None
        job_type = self.job_types.get(row.type)
        ended = await self._ended_unstarted(opening.job, row, job_type)
        deadline = starting.deadline(job_type, row.options) if job_type else timedelta()
        return OpenedChild(
            title=job_type.title if job_type else row.type,
            deadline=deadline,
            expected=job_type.expected if job_type else deadline,
            outcome=await self._outcome(ended) if ended else None,
        )

    @activity.defn(name="child_outcome")
    async def child_outcome(self, job: JobRef) -> ChildOutcome:
        """Return how a child ended; one whose workflow is gone or never began is ended first.

        Raises:
            ChildGoesOn: Its workflow has not closed.
        """
        row = await jobs.get(self.db, job.tenant, job.job_id)
        if not row.status.is_terminal:
            life = await executions.look(self.client, row.id)
            if life is Life.OPEN:
                raise ChildGoesOn(f"job {row.id} is {row.status}")
            unstarted = life is Life.ABSENT and row.status is JobStatus.PENDING
            await end_row(self.db, row, JobStatus.CANCELED if unstarted else JobStatus.FAILED)
            row = await jobs.get(self.db, job.tenant, job.job_id)
        return await self._outcome(row)

    async def _ended_unstarted(
        self, job: JobRef, row: JobRow, job_type: JobType | None
    ) -> JobRow | None:
        """Return the row of a child that must not be started, ended; None when it may be."""
        if row.status is JobStatus.PENDING:
            ending = await self._ending(job, row, job_type)
            if ending is None:
                return None
            await job_moves.finish(self.db, ending)
            row = await jobs.get(self.db, row.tenant, row.id)
        return row if row.status.is_terminal else None

    async def _outcome(self, row: JobRow) -> ChildOutcome:
        return ChildOutcome(
            job_id=row.id,
            status=row.status,
            output=await recorded_result(self.db, self.objects, row),
            failure=row.failure,
            cost=row.cost,
        )

    async def _ending(self, job: JobRef, row: JobRow, job_type: JobType | None) -> Ending | None:
        """Return how a pending child ends that must not be started; None when it may be."""
        if row.cancel_requested_at is not None:
            return Ending(job=job, status=JobStatus.CANCELED, started_at=None)
        failure = await self._mistake(row, job_type)
        if failure is None:
            return None
        return Ending(job=job, status=JobStatus.FAILED, failure=failure, started_at=None)

    async def _mistake(self, row: JobRow, job_type: JobType | None) -> Failure | None:
        """Look at a child as the door looks at a job."""
        if job_type is None:
            return Failure(code=UnknownJobType.code, message=f"no job type {row.type!r}")
        if len(row.ancestors) > DEEPEST:
            words = f"jobs run jobs {DEEPEST} deep at the most"
            return Failure(code=NestedTooDeep.code, message=words)
        checked = examine(job_type, row.payload, self.job_types)
        if checked.mistakes:
            return Failure(code=InvalidPayload.code, message=_words(row.type, checked.mistakes))
        named = [each for _, each in checked.documents]
        absent = await documents.missing(self.db, row.tenant, named) if named else []
        if absent:
            words = f"no document {', '.join(map(str, absent[:MOST_TOLD]))}"
            return Failure(code=DocumentNotFound.code, message=words)
        return None


def _words(name: str, mistakes: list[Mistake]) -> str:
    told = ", ".join(f"{each.pointer}: {each.detail}" for each in mistakes[:MOST_TOLD])
    more = f" and {len(mistakes) - MOST_TOLD} more" if len(mistakes) > MOST_TOLD else ""
    return f"the payload does not fit {name}: {told}{more}"
