"""What waits for people's decisions. Decisions themselves are signals of the job."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.approval_views import (
    ApprovalPage,
    ApprovalView,
    approval_summary,
    approval_view,
)
from api.gateway import GatewayIn, TenantIn
from api.paging import LimitIn, link_headers, moment, pack, refuse_unknown, unpack
from api.presenter import PresenterIn
from api.problems import documented
from jobs.approvals import ApprovalState
from jobs.errors import ApprovalNotFound
from jobs.values import JobId
from storage import approval_lists, approvals, jobs
from storage.approval_lists import Listed, Place

router = APIRouter(prefix="/api", tags=["approvals"])

FILTERS = {"limit", "cursor", "state", "job"}


@router.get(
    "/approvals",
    summary="List approvals, open ones first",
    responses=documented(400, 401, 503),
)
async def list_approvals(
    request: Request,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: PresenterIn,
    state: Annotated[list[ApprovalState] | None, Query(description="May be repeated.")] = None,
    job: Annotated[
        JobId | None, Query(description="Only of this job; of a root, of its descendants too.")
    ] = None,
    limit: LimitIn = 20,
    cursor: Annotated[
        str | None, Query(description="`next` of the previous page.", max_length=2_000)
    ] = None,
) -> ApprovalPage:
    """Return a page of the tenant's approvals without what they show: `links.self` has that."""
    refuse_unknown(request, FILTERS.__contains__)
    rows = await approval_lists.page(
        gateway.db,
        tenant,
        states=tuple(state or ()),
        job_id=job,
        after=unpack(cursor, _to_place),
        limit=limit + 1,
    )
    shown = rows[:limit]
    following = _behind(shown[-1]) if len(rows) > limit else None
    response.headers.update(link_headers(request, presenter.prefix, following))
    summaries = [approval_summary(presenter.prefix, each) for each in shown]
    return ApprovalPage(approvals=summaries, next=following)


@router.get(
    "/jobs/{job_id}/approvals/{key:path}",
    summary="Look at an approval",
    responses=documented(401, 404, 503),
)
async def get_approval(
    job_id: JobId, key: str, gateway: GatewayIn, tenant: TenantIn, presenter: PresenterIn
) -> ApprovalView:
    """Return what an approval shows, and what was decided about it."""
    row = await jobs.get(gateway.db, tenant, job_id)
    # No key holds a NUL, and Postgres would not be asked about one.
    found = None if "\0" in key else await approvals.get(gateway.db, tenant, row.id, key)
    if found is None:
        raise ApprovalNotFound(f"the job never asked for an approval {key!r}")
    return approval_view(presenter.prefix, found)


def _behind(row: Listed) -> str:
    is_open = row.state is ApprovalState.OPEN
    return pack([is_open, row.requested_at.isoformat(), str(row.job_id), row.key])


def _to_place(parts: Any) -> Place:
    is_open, requested_at, job_id, key = parts
    if not isinstance(is_open, bool) or b"\0" in key.encode():
        raise ValueError("no place of ours")
    return Place(is_open, moment(requested_at), JobId(UUID(job_id)), key)
