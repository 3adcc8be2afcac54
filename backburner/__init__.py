"""What outsiders import and type: the Python SDK and the `backburner` command line.

::

    async with AsyncBackburner() as client:
        [document] = await client.upload_documents([Path("report.pdf")])
        job = await client.submit("summarize_documents", {"document_ids": [document.document_id]})
        await client.wait(job.job_id)
        print(await client.result(job.job_id))
"""

from backburner.callbacks import Attempt, Callback, Endpoint, Secret
from backburner.client import AsyncBackburner
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
from backburner.models import (
    Approval,
    Cost,
    Document,
    Estimate,
    Failure,
    Job,
    JobEvent,
    JobTypeInfo,
    Links,
)
from backburner.progress import follow
from backburner.schedules import Preview, Run, Schedule, Schedules
from backburner.webhooks import CallbackEvent
from jobs.approvals import ApprovalState
from jobs.model import Progress
from jobs.options import JobOptions
from jobs.schedules.model import Overlap, When
from jobs.status import JobStatus

__all__ = [
    "ApiError",
    "Approval",
    "ApprovalState",
    "AsyncBackburner",
    "Attempt",
    "BackburnerError",
    "Callback",
    "CallbackEvent",
    "CallbackRejected",
    "Cost",
    "Document",
    "Endpoint",
    "Estimate",
    "Failure",
    "GatewayUnreachable",
    "Job",
    "JobCanceled",
    "JobEnded",
    "JobEvent",
    "JobFailed",
    "JobOptions",
    "JobStatus",
    "JobTypeInfo",
    "Links",
    "Overlap",
    "Preview",
    "Progress",
    "Run",
    "Schedule",
    "Schedules",
    "Secret",
    "WaitTimedOut",
    "When",
    "follow",
]
