"""Talking to a job while it goes on: cancel, signals, queries."""

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from temporalio.service import RPCError

from api.approval_door import decide
from api.approval_views import ApprovalView, approval_view
from api.bodies import CancelBody, refuse_unstorable
from api.gateway import Gateway, GatewayIn, TenantIn
from api.presenter import Presenter, PresenterIn
from api.problems import Refusal, documented
from api.submission import validated
from api.views import JobView
from jobs.approvals import Reject
from jobs.errors import (
    InvalidPayload,
    JobAlreadyFinished,
    JobNotStarted,
    ServiceUnavailable,
    UnknownJobType,
    UnknownQuery,
    UnknownSignal,
)
from jobs.model import Ending, JobRef, Progress
from jobs.money import Cost
from jobs.registry import JobType
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage import executions, job_moves, jobs
from storage.executions import Life
from storage.jobs import JobRow

LOG = logging.getLogger(__name__)

router = APIRouter(prefix="/api/jobs/{job_id}", tags=["interactions"])

EVERY_JOB_ANSWERS: dict[str, Any] = {"progress": Progress, "cost": Cost}


@router.post(
    "/cancel",
    status_code=202,
    response_model=JobView,
    summary="Cancel a job",
    responses={
        200: {"model": JobView, "description": "The job had ended before and is unchanged."},
        202: {"description": "The cancel is recorded; the job ends soon."},
        **documented(400, 401, 404, 422, 503),
    },
)
async def cancel_job(
    job_id: JobId,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: PresenterIn,
    body: CancelBody | None = None,
) -> JobView:
    """Ask for the end of a job and of its open responses. Asking again changes nothing."""
    reason = body.reason if body else None
    row = await jobs.get(gateway.db, tenant, job_id)
    if row.status.is_terminal:
        response.status_code = 200
        return await presenter.job(row)
    await job_moves.request_cancel(gateway.db, tenant, job_id, by="api", reason=reason)
    await _pass_on_cancel(gateway, row, reason or "")
    return await presenter.job(await jobs.get(gateway.db, tenant, job_id))


@router.post(
    "/signals/{name}",
    status_code=202,
    response_model=None,
    summary="Send a job a signal",
    responses={
        200: {"model": ApprovalView, "description": "The same had been decided before."},
        202: {"description": "The job has been told. A decision about an approval is returned."},
        **documented(400, 401, 404, 409, 415, 422, 503),
    },
)
async def signal_job(
    job_id: JobId,
    name: str,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: PresenterIn,
    payload: Annotated[
        Any, Body(description="By the signal's schema; nothing where it has none.")
    ] = None,
) -> Response:
    """Tell a job something its type listens for."""
    row = await jobs.get(gateway.db, tenant, job_id)
    argument = _argument(_type_of(gateway, row), name, payload)
    if isinstance(argument, Reject) and row.status is not JobStatus.PENDING:
        decided = await decide(gateway, row, argument)
        content = approval_view(presenter.prefix, decided.approval).model_dump(mode="json")
        return JSONResponse(content, status_code=202 if decided.is_new else 200)
    await _refuse_unless_running(row, presenter)
    if not await executions.signal(gateway.temporal, job_id, name, argument):
        raise JobAlreadyFinished("the job's workflow has closed")
    return Response(status_code=202)


@router.get(
    "/queries/{name}",
    response_model=None,
    summary="Ask a job a question",
    responses={
        200: {
            "description": "The answer, by the query's schema.",
            "content": {
                "application/json": {
                    "example": {"stage": "Reading", "current": 3, "total": 12, "percent": 25}
                }
            },
        },
        **documented(401, 404, 409, 503),
    },
)
async def query_job(
    job_id: JobId, name: str, gateway: GatewayIn, tenant: TenantIn, presenter: PresenterIn
) -> Response:
    """Return the workflow's own answer. Every job answers `progress` and `cost`."""
    row = await jobs.get(gateway.db, tenant, job_id)
    answers = {**_type_of(gateway, row).queries, **EVERY_JOB_ANSWERS}
    if name not in answers:
        raise UnknownQuery(f"{row.type} has no query {name!r}")
    await _refuse_unless_running(row, presenter)
    answer = await executions.query(gateway.temporal, job_id, name, answers[name])
    content = TypeAdapter(answers[name]).dump_json(answer)
    return Response(content, media_type="application/json")


async def _pass_on_cancel(gateway: Gateway, row: JobRow, reason: str) -> None:
    try:
        if await executions.ask_to_cancel(gateway.temporal, row.id, reason):
            return
        if await executions.look(gateway.temporal, row.id) is not Life.ABSENT:
            return
    except (ServiceUnavailable, RPCError) as error:
        LOG.warning("cancel of job %s is recorded, not passed on yet: %s", row.id, error)
        return
    if row.status is JobStatus.PENDING:
        await _end_unstarted(gateway, row.tenant, row)


async def _end_unstarted(gateway: Gateway, tenant: Tenant, row: JobRow) -> None:
    """End a job that has no workflow: nobody else would. One started just now finds it ended."""
    ref = JobRef(tenant=tenant, job_id=row.id, type=row.type)
    ending = Ending(job=ref, status=JobStatus.CANCELED, started_at=row.started_at)
    await job_moves.finish(gateway.db, ending)


def _type_of(gateway: Gateway, row: JobRow) -> JobType:
    job_type = gateway.job_types.get(row.type)
    if job_type is None:
        raise UnknownJobType(f"the job's type {row.type!r} is no longer installed")
    return job_type


def _argument(job_type: JobType, name: str, payload: Any) -> Any:
    if name not in job_type.signals:
        raise UnknownSignal(f"{job_type.name} has no signal {name!r}")
    model = job_type.signals[name]
    refuse_unstorable(payload)
    if model is not None:
        return validated(model, {} if payload is None else payload, "")
    if payload:  # an empty object says as little as no body
        mistake = {"pointer": "", "detail": "this signal takes no payload"}
        raise InvalidPayload(f"the signal {name!r} takes no payload", errors=[mistake])
    return None


async def _refuse_unless_running(row: JobRow, presenter: Presenter) -> None:
    if row.status is JobStatus.PENDING:
        error = JobNotStarted("the job waits to be started")
        raise Refusal(error, headers=await presenter.retry_headers(row))
    if row.status.is_terminal:
        raise JobAlreadyFinished(f"the job is {row.status}")
