"""What a job is given, what it says while it runs, and how it ends."""

from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel, computed_field

from jobs.money import Cost
from jobs.options import JobOptions, KeptJobOptions
from jobs.status import JobStatus
from jobs.values import JobId, Tenant, Value

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)


class JobRef(Value):
    """Names one job: enough for any deed to find its row."""

    tenant: Tenant
    job_id: JobId
    type: str


class Ticket(Value, Generic[In]):
    """What a workflow starts with.

    Attributes:
        job: The job's name in Postgres; its id is the workflow id.
        root: The outermost of the jobs that led to this one; None when it is that itself.
        input: The validated payload.
        options: The client's choices.
        deadline: How long the job may take in all.
        expected: How long it is expected to take; spaces the first polls.
    """

    job: JobRef
    root: JobId | None = None
    input: In
    options: KeptJobOptions = JobOptions()
    deadline: timedelta
    expected: timedelta


class Outcome(Value, Generic[Out]):
    """What a successful workflow returns."""

    output: Out
    cost: Cost


class Progress(Value):
    """How far a job is, in its own units.

    Attributes:
        stage: What it does now, in a few words a user understands.
        current: Units done.
        total: Units in all; 0 while unknown.
    """

    stage: str = ""
    current: int = 0
    total: int = 0

    @computed_field  # type: ignore[prop-decorator] # pydantic documents this order
    @property
    def percent(self) -> int:
        """Whole percent done, from 0 to 100; 0 while the total is unknown."""
        return max(0, min(100, 100 * self.current // self.total)) if self.total else 0


class Failure(Value):
    """Why a job failed: a code from `jobs.errors` and a sentence for people."""

    code: str
    message: str


class Ending(Value):
    """How a workflow wants its job to be recorded.

    Attributes:
        status: The terminal status wanted; a cancel recorded earlier wins over it.
        result: The output as JSON text, when it succeeded.
        failure: Why it failed, when it failed.
        progress: The last progress.
        started_at: When the workflow began; used when no deed marked the job running. None for
            a job that never started.
    """

    job: JobRef
    status: JobStatus
    result: str | None = None
    failure: Failure | None = None
    progress: Progress = Progress()
    started_at: datetime | None


class Standing(Value):
    """The terminal status that stands in the record, whoever wrote it.

    Attributes:
        cost: What the record says the job cost, the jobs it ran included.
        result: The output as JSON text, for whoever finds a success without having an output.
        is_new: Whether it was written by the call that returns it.
    """

    status: JobStatus
    failure: Failure | None = None
    cost: Cost | None = None
    result: str | None = None
    is_new: bool = False


class ProgressReport(Value):
    """A progress to record, and whom a waiting job waits for."""

    job: JobRef
    progress: Progress
    waiting_for: str | None = None
