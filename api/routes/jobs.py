"""Submitting jobs, and what became of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api import waiting
from api.accepting import ANSWERS, APPLIED, RETRY, Reception
from api.bodies import JobRequest
from api.gateway import FollowerIn, GatewayIn, TenantIn
from api.paging import (
    CursorIn,
    LimitIn,
    Moment,
    from_cursor,
    link_headers,
    refuse_unknown,
    to_cursor,
)
from api.preferences import WaitIn
from api.presenter import Presenter, PresenterIn, etag, failure_view
from api.problems import JobFailureView, Refusal, documented
from api.results import result_reply
from api.views import JobAccepted, JobPage
from jobs.errors import InvalidRequest, JobCanceled, NoResult, ResultNotReady
from jobs.status import JobStatus
from jobs.values import JobId
from storage import job_lists, jobs
from storage.job_lists import Filter, Position
from storage.jobs import JobRow

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

LABEL = "label."
FILTERS = {"limit", "cursor", "status", "type", "created_after", "parent", "root"}


@router.post(
    "", status_code=202, summary="Submit a job", response_model=JobAccepted, responses=ANSWERS
)
async def submit_job(
    wanted: JobRequest, reception: Annotated[Reception, Depends()], wait: WaitIn
) -> Response:
    """Record a job and start it; the reply comes at once unless `Prefer: wait=N` asks for more."""
    return await reception.take(wanted, wait)


@router.get("", summary="List jobs, newest first", responses=documented(400, 401, 503))
async def list_jobs(
    request: Request,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: PresenterIn,
    status: Annotated[list[JobStatus] | None, Query(description="May be repeated.")] = None,
    type: Annotated[str | None, Query(examples=["summarize_text"])] = None,
    created_after: Annotated[Moment | None, Query(examples=["2026-11-21T10:00:00Z"])] = None,
    parent: Annotated[JobId | None, Query(description="Only children of this job.")] = None,
    root: Annotated[
        bool | None,
        Query(description="`true`: only jobs without a parent; `false`: only others."),
    ] = None,
    limit: LimitIn = 20,
    cursor: CursorIn = None,
) -> JobPage:
    """Return a page of the tenant's jobs. `label.<name>=<value>` filters by labels, all of them."""
    refuse_unknown(request, lambda name: name in FILTERS or name.startswith(LABEL))
    _refuse_nul("type", type or "")
    wanted = Filter(
        statuses=tuple(status or ()),
        type=type,
        labels=_labels(request),
        created_after=created_after,
        parent=parent,
        root=root,
    )
    place = from_cursor(cursor)
    after = Position(place[0], JobId(place[1])) if place else None
    rows = await job_lists.page(gateway.db, tenant, wanted, after=after, limit=limit + 1)
    shown = rows[:limit]
    following = to_cursor(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None
    response.headers.update(link_headers(request, presenter.prefix, following))
    return JobPage(jobs=[await presenter.summary(row) for row in shown], next=following)


@router.get(
    "/{job_id}",
    summary="Look at a job",
    responses={
        200: {"headers": {"ETag": {"schema": {"type": "string"}}, **RETRY, **APPLIED}},
        304: {"description": "The job is as `If-None-Match` knows it."},
        **documented(401, 404, 503),
    },
)
async def get_job(
    job_id: JobId,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    follower: FollowerIn,
    presenter: PresenterIn,
    wait: WaitIn,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Any:
    """Return status, progress, cost and, once it is there, the result of a job."""
    row = await jobs.get(gateway.db, tenant, job_id)
    if wait:
        row = await waiting.until_ended(gateway.db, follower, row, wait)
        response.headers["Preference-Applied"] = f"wait={wait}"
    asked = await presenter.open_approvals(row)
    tag = etag(row, asked)
    # Clients may keep what they saw, as long as they ask whether it is still so.
    response.headers.update({"ETag": tag, "Cache-Control": "private, no-cache"})
    response.headers.update(await presenter.retry_headers(row))
    if _matches(if_none_match, tag):
        return Response(status_code=304, headers=dict(response.headers))
    return await presenter.job(row, asked)


@router.get(
    "/{job_id}/result",
    summary="Read the result of a job",
    response_model=None,
    responses={
        200: {
            "description": "The output, by the schema of the job type.",
            "content": {"application/json": {"example": {"summary": "The pilot met its goals."}}},
        },
        **documented(401, 404, 409, 503),
    },
)
async def get_result(
    job_id: JobId, gateway: GatewayIn, tenant: TenantIn, presenter: PresenterIn
) -> Response:
    """Return the output alone; 409 while the job goes on, or when it ended without one."""
    row = await jobs.get(gateway.db, tenant, job_id)
    if row.status is not JobStatus.SUCCEEDED:
        raise await _no_result(row, presenter)
    return await result_reply(gateway, row)


async def _no_result(row: JobRow, presenter: Presenter) -> Refusal:
    if not row.status.is_terminal:
        error = ResultNotReady(f"the job is {row.status}")
        return Refusal(error, headers=await presenter.retry_headers(row))
    failure = failure_view(row) or JobFailureView(
        code=JobCanceled.code, message=JobCanceled.title, advice=JobCanceled.advice
    )
    return Refusal(NoResult(f"the job ended with {failure.code!r}"), job_error=failure)


def _matches(if_none_match: str | None, tag: str) -> bool:
    """Compare entity tags weakly, as RFC 9110 asks for this header."""
    if if_none_match is None:
        return False
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known


def _labels(request: Request) -> dict[str, str]:
    given = {n: v for n, v in request.query_params.items() if n.startswith(LABEL)}
    for name, value in given.items():
        _refuse_nul(name, name + value)
    return {name.removeprefix(LABEL): value for name, value in given.items()}


def _refuse_nul(name: str, value: str) -> None:
    if "\0" in value:
        mistake = {"parameter": name, "detail": "the character U+0000 cannot be stored"}
        raise InvalidRequest("a query parameter is malformed", errors=[mistake])
