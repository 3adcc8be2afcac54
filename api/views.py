"""What replies look like."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from api.approval_views import ApprovalView
from api.problems import JobFailureView
from jobs.library import DocumentState
from jobs.model import Progress
from jobs.status import JobStatus
from jobs.values import DocumentId, JobId

JOB_ID = "019ab2c4-5d6e-7f80-9123-456789abcdef"
_JOB = f"/api/jobs/{JOB_ID}"
_LINKS: dict[str, Any] = {
    "self": _JOB,
    "result": f"{_JOB}/result",
    "events": f"{_JOB}/events",
    "cancel": f"{_JOB}/cancel",
    "children": f"/api/jobs?parent={JOB_ID}",
    "callbacks": f"{_JOB}/callbacks",
    "temporal_ui": f"http://127.0.0.1:8233/namespaces/default/workflows/{JOB_ID}",
}


class JobLinks(BaseModel):
    """Where to go from here."""

    self: str
    result: str
    events: str
    cancel: str
    children: str
    callbacks: str
    temporal_ui: str | None = None


class CostView(BaseModel):
    """What the job's responses, and those of the jobs that it ran, cost so far.

    `usd` is a decimal number as text, so that nothing is rounded; null while no price is known.
    """

    usd: str | None
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    responses: int
    unpriced_responses: int = Field(
        description="Responses without a known price: `usd` is a lower bound when there are any."
    )


class JobAccepted(BaseModel):
    """The reply to a submission."""

    job_id: JobId
    type: str
    status: JobStatus
    estimated_completion_seconds: int | None
    links: JobLinks

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "job_id": JOB_ID,
                    "type": "summarize_text",
                    "status": "pending",
                    "estimated_completion_seconds": 30,
                    "links": _LINKS,
                }
            ]
        }
    }


_SUMMARY: dict[str, Any] = {
    "job_id": JOB_ID,
    "type": "summarize_text",
    "status": "succeeded",
    "progress": {"stage": "Summarise the text", "current": 1, "total": 1, "percent": 100},
    "waiting_for": None,
    "error": None,
    "cost": {
        "usd": "0.00231",
        "input_tokens": 1200,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 210,
        "reasoning_tokens": 64,
        "responses": 1,
        "unpriced_responses": 0,
    },
    "retry_count": 0,
    "labels": {"team": "research"},
    "parent_id": None,
    "root_id": JOB_ID,
    "schedule_id": None,
    "scheduled_at": None,
    "created_at": "2026-11-21T10:00:00Z",
    "started_at": "2026-11-21T10:00:01Z",
    "completed_at": "2026-11-21T10:00:24Z",
    "cancel_requested_at": None,
    "estimated_completion_at": None,
    "estimated_completion_seconds": None,
    "links": _LINKS,
}


class JobSummary(BaseModel):
    """A job without its result.

    The estimates are null once the job has ended.
    """

    job_id: JobId
    type: str
    status: JobStatus
    progress: Progress
    waiting_for: str | None = Field(
        description="Why it does not move: what it expects a signal of, or another try of a step."
    )
    error: JobFailureView | None
    cost: CostView
    retry_count: int = Field(
        description="Submits to the provider beyond the first of each step; children included."
    )
    labels: dict[str, str]
    parent_id: JobId | None = Field(description="The job that runs this one; null for a root.")
    root_id: JobId = Field(description="The outermost of the jobs that led to this one.")
    schedule_id: str | None = Field(description="The schedule that started it.")
    scheduled_at: datetime | None = Field(description="The time its schedule meant.")
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    cancel_requested_at: datetime | None
    estimated_completion_at: datetime | None
    estimated_completion_seconds: int | None
    links: JobLinks

    model_config = {"json_schema_extra": {"examples": [_SUMMARY]}}


class JobView(JobSummary):
    """A job. `result` is null, too, when it is so large that only `links.result` has it."""

    approvals: list[ApprovalView] = Field(
        description="What waits to be decided; of a root, its descendants' approvals too."
    )
    result: Any

    model_config = {
        "json_schema_extra": {
            "examples": [
                {**_SUMMARY, "approvals": [], "result": {"summary": "The pilot met its goals."}}
            ]
        }
    }


class JobPage(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobSummary]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class PriceRange(BaseModel):
    """Dollars, as decimal text. Null is unknown, never free."""

    low: str | None = Field(description="Seldom less; a sum leaves out what is unknown.")
    typical: str | None
    high: str | None = Field(description="Seldom more; null when nothing bounds it.")


class Unknown(BaseModel):
    """Something nobody can know before the job runs."""

    pointer: str = Field(description="RFC 6901 pointer into the body.", examples=["/payload"])
    detail: str


class EstimateView(BaseModel):
    """What a job will probably take, from what recent jobs took."""

    type: str
    typical_seconds: int = Field(description="As often more as less.")
    late_seconds: int = Field(description="Seldom more; of a pipeline, as if every job were late.")
    usd: PriceRange
    jobs: int = Field(description="How many jobs it is, as far as that is known.")
    unknown: list[Unknown] = Field(description="What could not be counted.")
    mermaid: str = Field(description="The job as a Mermaid flowchart.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "summarize_text",
                    "typical_seconds": 24,
                    "late_seconds": 41,
                    "usd": {"low": "0.0011", "typical": "0.0023", "high": "0.0087"},
                    "jobs": 1,
                    "unknown": [],
                    "mermaid": 'flowchart TD\n  n1["summarize_text"]',
                }
            ]
        }
    }


class EventView(BaseModel):
    """The `data` of one server-sent event."""

    job_id: JobId
    seq: int
    type: str
    at: datetime
    data: dict[str, Any]


class DocumentLinks(BaseModel):
    """Where to go from here."""

    self: str
    content: str
    job: str | None = None


class DocumentView(BaseModel):
    """An uploaded file, and what became of it."""

    document_id: DocumentId
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
    state: DocumentState
    job_id: JobId | None = Field(
        description="The job that processes it now, or the last one that did: its result holds the "
        "findings."
    )
    processed_at: datetime | None
    error: JobFailureView | None
    links: DocumentLinks

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "document_id": JOB_ID,
                    "name": "pilot-report.pdf",
                    "media_type": "application/pdf",
                    "size_bytes": 48213,
                    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                    "created_at": "2026-11-21T10:00:00Z",
                    "state": "processed",
                    "job_id": JOB_ID,
                    "processed_at": "2026-11-21T10:05:12Z",
                    "error": None,
                    "links": {
                        "self": f"/api/documents/{JOB_ID}",
                        "content": f"/api/documents/{JOB_ID}/content",
                        "job": _JOB,
                    },
                }
            ]
        }
    }


class Uploaded(BaseModel):
    """The documents made of an upload, in the order of its files."""

    documents: list[DocumentView]


class DocumentPage(Uploaded):
    """Documents, newest first."""

    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class JobTypeView(BaseModel):
    """A kind of job: what it takes, gives, hears and answers."""

    name: str = Field(examples=["summarize_text"])
    title: str = Field(examples=["Summarise a text"])
    description: str
    expected_seconds: int = Field(description="How long such a job usually takes.", examples=[30])
    deadline_seconds: int = Field(examples=[3600])
    failure_modes: list[str] = Field(description="Codes to be ready for in `error.code`.")
    input: dict[str, Any] = Field(description="JSON Schema of `payload`.")
    output: dict[str, Any] = Field(description="JSON Schema of the result.")
    signals: dict[str, dict[str, Any] | None] = Field(
        description="JSON Schema of each signal's payload; null where it takes none."
    )
    queries: dict[str, dict[str, Any]] = Field(description="JSON Schema of each answer.")


class JobTypeList(BaseModel):
    """All job types, by name."""

    job_types: list[JobTypeView]


class Health(BaseModel):
    """The process, or everything it stands on, answers."""

    status: str = Field(examples=["ok"])
