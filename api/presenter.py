"""Turns rows into replies: links, estimates, entity tags."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends

from api.approval_views import approval_view
from api.estimates import Estimates
from api.gateway import EstimatesIn, Gateway, GatewayIn
from api.problems import JobFailureView
from api.views import (
    CostView,
    DocumentLinks,
    DocumentView,
    JobAccepted,
    JobLinks,
    JobSummary,
    JobView,
)
from jobs.errors import advice_for
from jobs.fingerprints import fingerprint
from jobs.money import Cost
from jobs.schedules.model import SCHEDULE_LABEL, TIME_LABEL
from jobs.status import JobStatus
from jobs.values import JobId
from storage import approvals, jobs
from storage.approvals import Approval
from storage.documents import Document
from storage.jobs import JobRow

SOONEST_RETRY, LATEST_RETRY, RETRY_SHARE = 1, 30, 10
"""Retry-After is a tenth of the time left, in these bounds."""


@dataclass(frozen=True)
class Presenter:
    """Makes replies of rows."""

    gateway: Gateway
    estimates: Estimates

    def path_of(self, job_id: JobId) -> str:
        """Return the address of a job."""
        return f"{self.prefix}/api/jobs/{job_id}"

    @property
    def prefix(self) -> str:
        """What every link begins with."""
        return (self.gateway.settings.public_url or "").rstrip("/")

    async def accepted(self, row: JobRow) -> JobAccepted:
        """Present a job that was just submitted."""
        return JobAccepted(
            job_id=row.id,
            type=row.type,
            status=row.status,
            estimated_completion_seconds=await self.remaining(row),
            links=self._links(row.id),
        )

    async def job(self, row: JobRow, asked: list[Approval] | None = None) -> JobView:
        """Present a job with what it waits for, or with its result if that lies in the row.

        `asked` is what `open_approvals` returned, where that was needed before.
        """
        inline = row.status is JobStatus.SUCCEEDED and row.result_key is None
        result = await jobs.get_result(self.gateway.db, row.tenant, row.id) if inline else None
        found = await self.open_approvals(row) if asked is None else asked
        return JobView(
            **await self._parts(row),
            approvals=[approval_view(self.prefix, each) for each in found],
            result=result,
        )

    async def open_approvals(self, row: JobRow) -> list[Approval]:
        """Return what a job, and below a root every other job of its tree, waits for."""
        if row.status is not JobStatus.RUNNING:
            return []
        return await approvals.open_below(self.gateway.db, row.tenant, row.id)

    async def summary(self, row: JobRow) -> JobSummary:
        """Present a job in a list."""
        return JobSummary(**await self._parts(row))

    async def remaining(self, row: JobRow) -> int | None:
        """Estimate the seconds a job still needs; None when it has ended or its type is gone."""
        job_type = self.gateway.job_types.get(row.type)
        if job_type is None or row.status.is_terminal:
            return None
        expectation = await self.estimates.of(row.tenant, row.type, job_type.expected)
        elapsed = (datetime.now(UTC) - row.created_at).total_seconds()
        return expectation.remaining(max(elapsed, 0))

    async def retry_headers(self, row: JobRow) -> dict[str, str]:
        """Tell a client when to ask again, as long as the job goes on."""
        if row.status.is_terminal:
            return {}
        share = (await self.remaining(row) or SOONEST_RETRY) // RETRY_SHARE
        return {"Retry-After": str(min(max(share, SOONEST_RETRY), LATEST_RETRY))}

    def document(self, document: Document) -> DocumentView:
        """Present a document."""
        path = f"{self.prefix}/api/documents/{document.id}"
        return DocumentView(
            document_id=document.id,
            name=document.name,
            media_type=document.media_type,
            size_bytes=document.size_bytes,
            sha256=document.sha256,
            created_at=document.created_at,
            state=document.state,
            job_id=document.job_id,
            processed_at=document.processed_at,
            error=failure_view(document),
            links=DocumentLinks(
                self=path,
                content=f"{path}/content",
                job=self.path_of(document.job_id) if document.job_id else None,
            ),
        )

    async def _parts(self, row: JobRow) -> dict[str, Any]:
        seconds = await self.remaining(row)
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        return {
            "job_id": row.id,
            "type": row.type,
            "status": row.status,
            "progress": row.progress,
            "waiting_for": row.waiting_for,
            "error": failure_view(row),
            "cost": cost_view(row.cost),
            "retry_count": row.retry_count,
            "labels": row.labels,
            "parent_id": row.parent_id,
            "root_id": row.root_id,
            "schedule_id": row.labels.get(SCHEDULE_LABEL),
            "scheduled_at": row.labels.get(TIME_LABEL),
            "created_at": row.created_at,
            "started_at": row.started_at,
            "completed_at": row.completed_at,
            "cancel_requested_at": row.cancel_requested_at,
            "estimated_completion_at": until,
            "estimated_completion_seconds": seconds,
            "links": self._links(row.id),
        }

    def _links(self, job_id: JobId) -> JobLinks:
        path = self.path_of(job_id)
        return JobLinks(
            self=path,
            result=f"{path}/result",
            events=f"{path}/events",
            cancel=f"{path}/cancel",
            children=f"{self.prefix}/api/jobs?parent={job_id}",
            callbacks=f"{path}/callbacks",
            temporal_ui=self.gateway.in_temporal_ui("workflows", str(job_id)),
        )


def failure_view(row: JobRow | Document) -> JobFailureView | None:
    """Say why a job or the processing of a document failed, with advice; None when it did not."""
    if row.failure is None:
        return None
    code = row.failure.code
    return JobFailureView(code=code, message=row.failure.message, advice=advice_for(code))


def etag(row: JobRow, asked: list[Approval]) -> str:
    """Name the version of a stored job; weak, since estimates change without it.

    The approvals of descendants change without the row.
    """
    version = f"{row.last_seq}-{int(row.updated_at.timestamp() * 1_000_000)}"
    if asked:
        shown = [[str(each.job_id), each.key, each.digest] for each in asked]
        version += f"-{fingerprint(shown)[:16]}"
    return f'W/"{version}"'


def cost_view(cost: Cost) -> CostView:
    """Present a cost; dollars are text, so that nothing is rounded."""
    return CostView(
        usd=None if cost.usd is None else f"{cost.usd:f}",
        **cost.usage.model_dump(),
        responses=cost.responses,
        unpriced_responses=cost.unpriced_responses,
    )


async def _presenter(gateway: GatewayIn, estimates: EstimatesIn) -> Presenter:
    return Presenter(gateway, estimates)


PresenterIn = Annotated[Presenter, Depends(_presenter)]
