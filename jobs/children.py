"""Jobs that a job runs: what is asked of one, and what became of it."""

from datetime import timedelta
from typing import Any
from uuid import uuid5

from pydantic import Field

from jobs.model import Failure, JobRef
from jobs.money import Cost
from jobs.options import JobOptions, KeptJobOptions
from jobs.status import JobStatus
from jobs.values import JobId, Value

DEEPEST = 8
"""Generations below a root: a job that runs itself ends here instead of never."""

LONGEST_KEY = 500


class ChildRequest(Value):
    """One job that another one runs.

    Attributes:
        key: Names the child within its parent; unique there and the same on every replay.
        type: Its job type.
        payload: Validated against the type's input model when the row is opened.
        options: Complete: what the parent's own options have to say is in them already.
    """

    key: str = Field(min_length=1, max_length=LONGEST_KEY)
    type: str
    payload: dict[str, Any]
    options: KeptJobOptions = JobOptions()


class ChildOpening(Value):
    """Open the row of a child."""

    parent: JobRef
    child: ChildRequest

    @property
    def job(self) -> JobRef:
        """The child's name."""
        job_id = child_id(self.parent.job_id, self.child.key)
        return JobRef(tenant=self.parent.tenant, job_id=job_id, type=self.child.type)


class ChildOutcome(Value):
    """How a child ended.

    Attributes:
        output: Plain JSON; None unless it succeeded.
        failure: Why it failed, when it failed.
        cost: What it cost, its own children included.
    """

    job_id: JobId
    status: JobStatus
    output: Any | None = None
    failure: Failure | None = None
    cost: Cost = Cost()


class OpenedChild(Value):
    """A child whose row is there.

    Attributes:
        title: What its type does, for Temporal UI.
        deadline: How long it may take, if its parent has that long.
        expected: How long it is expected to take.
        outcome: How it ended, when it must not be started any more.
    """

    title: str
    deadline: timedelta
    expected: timedelta
    outcome: ChildOutcome | None = None


def child_id(parent: JobId, key: str) -> JobId:
    """Return the id of a child: the same whenever its parent asks for it again."""
    return JobId(uuid5(parent, key))
