"""Jobs, their events, estimates and types."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from backburner.models.approvals import Approval
from backburner.models.base import Reply


class JobStatus(StrEnum):
    """Status of a job. Terminal statuses never change."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """Tell whether the job has ended for good."""
        return self not in (JobStatus.PENDING, JobStatus.RUNNING)


class Progress(Reply):
    """How far a job is, in its own units.

    Attributes:
        stage: What it does now, in a few words a user understands.
        current: Units done.
        total: Units in all; 0 while unknown.
        percent: Whole percent done, from 0 to 100; 0 while the total is unknown.
    """

    stage: str = ""
    current: int = 0
    total: int = 0
    percent: int = 0


class Failure(Reply):
    """Why a job failed, and what its owner can do about it."""

    code: str
    message: str = ""
    advice: str = ""


class Cost(Reply):
    """What a job has cost so far.

    Attributes:
        usd: None while no response with a known price is settled; never zero for an unknown price.
        responses: How many responses were settled.
        unpriced_responses: How many of them have no known price, so that `usd` is a lower bound.
    """

    usd: Decimal | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    responses: int = 0
    unpriced_responses: int = 0


class Links(Reply):
    """Where more can be read about a job; relative unless the gateway knows its public URL."""

    self: str | None = None
    result: str | None = None
    events: str | None = None
    cancel: str | None = None
    children: str | None = None
    callbacks: str | None = None
    temporal_ui: str | None = None


class Job(Reply):
    """One job as the gateway reports it.

    The reply to a submit carries only the first fields; the others then hold their defaults.

    Attributes:
        waiting_for: Why a job does not move: what it expects a signal of, or `another try of step
            1: provider_overloaded` until that try or the next progress.
        approvals: What waits to be decided; of a root, its descendants' approvals too.
        result: The output; None also when it is too large for this reply, so read it with
            `client.result`.
        retry_count: Submits to the provider beyond the first of each step; children included.
        parent_id: The job that runs this one; None for a root.
        root_id: The outermost of the jobs that led to this one.
        schedule_id: The schedule that started it; `scheduled_at` is the time it meant.
        estimated_completion_seconds: Seconds left, estimated from finished jobs of the type.
    """

    job_id: UUID
    type: str
    status: JobStatus
    progress: Progress = Progress()
    waiting_for: str | None = None
    approvals: list[Approval] = []
    result: Any = None
    error: Failure | None = None
    cost: Cost = Cost()
    retry_count: int = 0
    labels: dict[str, str] = {}
    parent_id: UUID | None = None
    root_id: UUID | None = None
    schedule_id: str | None = None
    scheduled_at: datetime | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    estimated_completion_at: datetime | None = None
    estimated_completion_seconds: float | None = None
    links: Links = Links()


class JobEvent(Reply):
    """One entry of a job's log.

    Attributes:
        seq: Counts from 1 within the job, without gaps.
        type: `created`, `started`, `progress`, `retrying`, `child_started`, `child_finished`,
            `approval_requested`, `approval_reminder`, `approval_decided`, `cancel_requested` or a
            terminal status.
    """

    job_id: UUID
    seq: int
    type: str
    at: datetime
    data: dict[str, Any] = {}


class PriceRange(Reply):
    """Dollars; None is unknown, never free."""

    low: Decimal | None = None
    typical: Decimal | None = None
    high: Decimal | None = None


class Unknown(Reply):
    """Something nobody can know before the job runs."""

    pointer: str
    detail: str


class Estimate(Reply):
    """What a job will probably take.

    Attributes:
        typical_seconds: As often more as less.
        late_seconds: Seldom more; of a pipeline, as if every job were late.
        jobs: How many jobs it is, as far as that is known.
        unknown: What could not be counted.
        mermaid: The job as a Mermaid flowchart.
    """

    type: str
    typical_seconds: int
    late_seconds: int
    usd: PriceRange = PriceRange()
    jobs: int = 1
    unknown: list[Unknown] = []
    mermaid: str = ""


class JobTypeInfo(Reply):
    """One kind of job that the gateway accepts.

    Attributes:
        expected_seconds: How long such a job is declared to take.
        failure_modes: Codes to expect in `error.code`.
        input: JSON Schema of the payload.
        output: JSON Schema of the result.
        signals: JSON Schema of each signal's payload, None where it takes none.
        queries: JSON Schema of each query's answer.
    """

    name: str
    title: str = ""
    description: str = ""
    expected_seconds: float | None = None
    deadline_seconds: float | None = None
    failure_modes: list[str] = []
    input: dict[str, Any] = {}
    output: dict[str, Any] = {}
    signals: dict[str, dict[str, Any] | None] = {}
    queries: dict[str, dict[str, Any]] = {}
