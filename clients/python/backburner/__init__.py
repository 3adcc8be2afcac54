"""Client of Backburner, durable background AI jobs: `pip install backburner-client`.

::

    from backburner import Backburner

    with Backburner() as client:
        [document] = client.upload_documents([Path("report.pdf")])
        job = client.submit("summarize_documents", {"document_ids": [document.document_id]})
        print(job.result())

`AsyncBackburner` is the same with `await`. `backburner.webhooks` checks what callbacks say,
`backburner.pipelines` writes jobs that run others.
"""

from backburner._async.client import AsyncBackburner
from backburner._async.job_handle import AsyncJobHandle
from backburner._sync.client import Backburner
from backburner._sync.job_handle import JobHandle
from backburner.errors import (
    ApiError,
    BackburnerError,
    CallbackRejected,
    GatewayUnreachable,
    JobCanceled,
    JobEnded,
    JobFailed,
    WaitTimedOut,
)
from backburner.models.approvals import Approval, ApprovalState
from backburner.models.callbacks import (
    Attempt,
    Callback,
    Channel,
    DeliveryStatus,
    Endpoint,
    EventType,
    Secret,
)
from backburner.models.documents import Document, DocumentState
from backburner.models.jobs import (
    Cost,
    Estimate,
    Failure,
    Job,
    JobEvent,
    JobStatus,
    JobTypeInfo,
    Links,
    Progress,
)
from backburner.models.options import JobOptions
from backburner.models.schedules import (
    CalendarFields,
    Interval,
    Overlap,
    Preview,
    Run,
    Schedule,
    When,
)
from backburner.webhooks import CallbackEvent

__all__ = [
    "ApiError",
    "Approval",
    "ApprovalState",
    "AsyncBackburner",
    "AsyncJobHandle",
    "Attempt",
    "Backburner",
    "BackburnerError",
    "CalendarFields",
    "Callback",
    "CallbackEvent",
    "CallbackRejected",
    "Channel",
    "Cost",
    "DeliveryStatus",
    "Document",
    "DocumentState",
    "Endpoint",
    "Estimate",
    "EventType",
    "Failure",
    "GatewayUnreachable",
    "Interval",
    "Job",
    "JobCanceled",
    "JobEnded",
    "JobEvent",
    "JobFailed",
    "JobHandle",
    "JobOptions",
    "JobStatus",
    "JobTypeInfo",
    "Links",
    "Overlap",
    "Preview",
    "Progress",
    "Run",
    "Schedule",
    "Secret",
    "WaitTimedOut",
    "When",
]
