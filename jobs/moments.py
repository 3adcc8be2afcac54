"""Moments in the life of a job, as operators' own code is told of them.

Metrics, logs and hooks are made from these values; `telemetry/observer.py` is where they meet.
"""

from decimal import Decimal
from typing import Literal

from jobs.model import Failure, JobRef
from jobs.money import Cost, Usage
from jobs.status import JobStatus
from jobs.values import DeliveryId, EndpointId, JobId, Tenant, Value


class JobSubmitted(Value):
    """A job was written down: by a client, a schedule, or the job that runs it.

    Attributes:
        parent_id: The job that runs it; None for one that nobody runs.
    """

    kind: Literal["job.submitted"] = "job.submitted"
    job: JobRef
    parent_id: JobId | None = None
    labels: dict[str, str] = {}


class JobStarted(Value):
    """The first deed of a job is under way."""

    kind: Literal["job.started"] = "job.started"
    job: JobRef


class JobEnded(Value):
    """A job has ended, and its row says so.

    Attributes:
        status: `succeeded`, `failed` or `canceled`.
        failure: Why it failed, when it failed.
        cost: What it cost, the jobs it ran included; None when that is not known here.
        seconds: From its start to its end; None when it never started.
    """

    kind: Literal["job.ended"] = "job.ended"
    job: JobRef
    status: JobStatus
    failure: Failure | None = None
    cost: Cost | None = None
    seconds: float | None = None


class ApprovalRequested(Value):
    """A job waits for somebody's decision.

    Attributes:
        key: Names the approval within its job.
        title: What is to be decided.
    """

    kind: Literal["approval.requested"] = "approval.requested"
    job: JobRef
    key: str
    title: str


class _Submit(Value):
    """Names one submit of one step.

    Attributes:
        step_key: The step within its job.
        number: Counts the submits of the step, from 1.
    """

    tenant: Tenant
    job_id: JobId
    step_key: str
    number: int
    model: str


class ResponseSubmitted(_Submit):
    """The provider has taken a response in, and its id is stored."""

    kind: Literal["response.submitted"] = "response.submitted"
    response_id: str


class SubmitFailed(_Submit):
    """A submit brought no response: it was refused, or its reply was lost.

    Attributes:
        code: One of `docs/errors.md`; `submit_uncertain` when the reply was lost.
    """

    kind: Literal["submit.failed"] = "submit.failed"
    code: str
    message: str


class ResponseEnded(_Submit):
    """A response has ended and is booked.

    Attributes:
        response_id: None when it was never found.
        state: `effective` when it is the step's answer, else `failed`, `canceled` or `wasted`.
        code: Why it is no answer.
        usage: None when the provider never told.
        usd: None when the usage or the price is unknown.
    """

    kind: Literal["response.ended"] = "response.ended"
    response_id: str | None
    state: str
    code: str | None = None
    usage: Usage | None = None
    usd: Decimal | None = None


class DeliveryAttempted(Value):
    """A callback or a notification was sent, or could not be.

    Attributes:
        event: What it tells of, such as `job.succeeded`.
        job_id: None when it tells of no job.
        endpoint_id: None when it goes to the job's own `callback_url`, or to a channel.
        channel: The channel of a notification; None for a callback.
        status: How the delivery stands now.
        error: Why the attempt failed; None when the receiver has it.
    """

    kind: Literal["delivery.attempted"] = "delivery.attempted"
    tenant: Tenant
    delivery_id: DeliveryId
    event: str
    job_id: JobId | None
    endpoint_id: EndpointId | None
    channel: str | None
    status: str
    error: str | None


Moment = (
    JobSubmitted
    | JobStarted
    | JobEnded
    | ApprovalRequested
    | ResponseSubmitted
    | SubmitFailed
    | ResponseEnded
    | DeliveryAttempted
)
"""What a hook may be told. New kinds may be added: a hook passes over what it does not know."""
