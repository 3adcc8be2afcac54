"""The log of callbacks and notifications, and the secret behind the `callback_url` of jobs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.callback_bodies import Rotation
from api.callback_views import (
    CallbackDetail,
    CallbackPage,
    CallbackView,
    JobCallbacks,
    SecretView,
    callback_detail,
    callback_view,
    secret_view,
)
from api.gateway import GatewayIn, TenantIn
from api.paging import (
    CursorIn,
    LimitIn,
    Moment,
    from_cursor,
    link_headers,
    refuse_unknown,
    to_cursor,
)
from api.presenter import PresenterIn
from api.problems import documented
from jobs.callbacks import DeliveryStatus
from jobs.notifications import ChannelName
from jobs.values import DeliveryId, EndpointId, JobId
from storage import deliveries, delivery_log, jobs, secrets
from storage.delivery_log import Filter

router = APIRouter(prefix="/api", tags=["callbacks"])

FILTERS = {"limit", "cursor", "status", "event", "endpoint_id", "channel", "created_after"}

MOST_OF_A_JOB = 100
"""A job ends once and asks a few times; this is far more than it tells."""


@router.get(
    "/callbacks",
    summary="List callbacks and notifications, newest first",
    responses=documented(400, 401, 503),
)
async def list_callbacks(
    request: Request,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: PresenterIn,
    status: Annotated[list[DeliveryStatus] | None, Query(description="May be repeated.")] = None,
    event: Annotated[str | None, Query(pattern=r"^[a-z_.]{1,50}$", examples=["job.failed"])] = None,
    endpoint_id: Annotated[EndpointId | None, Query(description="Only to this endpoint.")] = None,
    channel: Annotated[ChannelName | None, Query(description="Only through this channel.")] = None,
    created_after: Annotated[Moment | None, Query(examples=["2026-11-21T10:00:00Z"])] = None,
    limit: LimitIn = 20,
    cursor: CursorIn = None,
) -> CallbackPage:
    """Return a page of the log: to whom what was told, and whether it arrived."""
    refuse_unknown(request, FILTERS.__contains__)
    wanted = Filter(
        statuses=tuple(status or ()),
        event=event,
        endpoint=endpoint_id,
        via=channel,
        created_after=created_after,
    )
    place = from_cursor(cursor)
    after = (place[0], DeliveryId(place[1])) if place else None
    rows = await delivery_log.page(gateway.db, tenant, wanted, after=after, limit=limit + 1)
    shown = rows[:limit]
    following = to_cursor(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None
    response.headers.update(link_headers(request, presenter.prefix, following))
    return CallbackPage(callbacks=[callback_view(each) for each in shown], next=following)


@router.get(
    "/callbacks/{callback_id}",
    summary="Look at a callback",
    responses=documented(401, 404, 503),
)
async def get_callback(
    callback_id: DeliveryId, gateway: GatewayIn, tenant: TenantIn
) -> CallbackDetail:
    """Return a callback with every attempt."""
    found = await deliveries.get(gateway.db, tenant, callback_id)
    attempts = await delivery_log.attempts_at(gateway.db, [callback_id])
    return callback_detail(found, attempts[callback_id])


@router.post(
    "/callbacks/{callback_id}/redeliver",
    status_code=202,
    summary="Send a callback again",
    responses=documented(401, 404, 409, 503),
)
async def redeliver_callback(
    callback_id: DeliveryId, gateway: GatewayIn, tenant: TenantIn
) -> CallbackView:
    """Send a callback once more, under the same id, whatever came of it before."""
    return callback_view(await delivery_log.send_again(gateway.db, tenant, callback_id))


@router.get(
    "/jobs/{job_id}/callbacks",
    summary="List the callbacks of a job",
    responses=documented(401, 404, 503),
)
async def list_job_callbacks(job_id: JobId, gateway: GatewayIn, tenant: TenantIn) -> JobCallbacks:
    """Return what was told of a job, with every attempt, newest first."""
    await jobs.get(gateway.db, tenant, job_id)
    wanted = Filter(job=job_id)
    found = await delivery_log.page(gateway.db, tenant, wanted, after=None, limit=MOST_OF_A_JOB)
    attempts = await delivery_log.attempts_at(gateway.db, [each.id for each in found])
    return JobCallbacks(callbacks=[callback_detail(each, attempts[each.id]) for each in found])


@router.get("/callback-secret", summary="Read the tenant's secret", responses=documented(401, 503))
async def get_callback_secret(gateway: GatewayIn, tenant: TenantIn) -> SecretView:
    """Return the secret that signs what goes to the `callback_url` of the tenant's jobs."""
    return secret_view(await secrets.signing(gateway.db, gateway.vault, tenant, None))


@router.post(
    "/callback-secret/rotate",
    summary="Replace the tenant's secret",
    responses=documented(400, 401, 409, 415, 422, 503),
)
async def rotate_callback_secret(
    gateway: GatewayIn, tenant: TenantIn, rotation: Rotation | None = None
) -> SecretView:
    """Return a new secret. Until the old one expires, both sign every callback."""
    wanted = rotation or Rotation()
    signing = await secrets.rotate(
        gateway.db, gateway.vault, tenant, None, overlap=wanted.overlap, force=wanted.force
    )
    return secret_view(signing)
