"""Jobs that run by themselves: schedules over Temporal's own."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from api import scheduling
from api.gateway import GatewayIn, TenantIn
from api.paging import (
    LimitIn,
    bad_cursor,
    from_signed_cursor,
    link_headers,
    refuse_unknown,
    to_signed_cursor,
)
from api.preferences import IdempotencyKeyIn
from api.presenter import PresenterIn
from api.problems import documented
from api.schedule_bodies import (
    ID_PATTERN,
    MOST_PREVIEWED,
    BackfillBody,
    NoteBody,
    PreviewRequest,
    ScheduleRequest,
    TriggerBody,
)
from api.schedule_presenter import SchedulePresenter
from api.schedule_views import BackfillAccepted, Preview, SchedulePage, ScheduleView
from jobs.errors import ScheduleNotFound
from jobs.schedules.model import Time
from storage import schedules
from storage.schedule_shapes import when_of
from storage.schedules import Address, Described

router = APIRouter(prefix="/api/schedules", tags=["schedules"])


async def _address(gateway: GatewayIn, tenant: TenantIn) -> Address:
    return scheduling.address(gateway, tenant)


async def _presenter(presenter: PresenterIn) -> SchedulePresenter:
    return SchedulePresenter(presenter)


AddressIn = Annotated[Address, Depends(_address)]
SchedulePresenterIn = Annotated[SchedulePresenter, Depends(_presenter)]
IdIn = Annotated[str, Path(pattern=ID_PATTERN)]
PAGING = {"limit", "cursor"}


@router.post(
    "",
    status_code=201,
    response_model=ScheduleView,
    summary="Make a schedule",
    responses={
        200: {
            "model": ScheduleView,
            "description": "The Idempotency-Key has made it before.",
            "headers": {"Idempotent-Replayed": {"schema": {"type": "string"}}},
        },
        201: {"headers": {"Location": {"schema": {"type": "string"}}}},
        **documented(400, 401, 404, 409, 413, 415, 422, 503),
    },
)
async def create_schedule(
    wanted: ScheduleRequest,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: SchedulePresenterIn,
    key: IdempotencyKeyIn,
) -> ScheduleView:
    """Have a job submitted again and again. Everything is checked now, the payload included."""
    found, is_new = await scheduling.create(gateway, tenant, wanted, key)
    view = await presenter.one(found)
    response.headers["Location"] = view.links.self
    if not is_new:
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    return view


@router.get("", summary="List schedules, newest first", responses=documented(400, 401, 503))
async def list_schedules(
    request: Request,
    response: Response,
    gateway: GatewayIn,
    at: AddressIn,
    presenter: SchedulePresenterIn,
    limit: LimitIn = 20,
    cursor: Annotated[
        str | None, Query(description="`next` of the previous page.", max_length=2000)
    ] = None,
) -> SchedulePage:
    """Return a page of the tenant's schedules with their next and last runs.

    A new one appears within a second.
    """
    refuse_unknown(request, PAGING.__contains__)
    keys = gateway.secret_keys
    place = from_signed_cursor(cursor, at.prefix, keys)
    try:
        ids, token = await schedules.page(at, limit=limit, token=place)
    except schedules.NoSuchPage:
        raise bad_cursor() from None
    found = await asyncio.gather(*(_unless_gone(at, each) for each in ids))
    following = to_signed_cursor(token, at.prefix, keys[0]) if token else None
    response.headers.update(link_headers(request, presenter.prefix, following))
    shown = [each for each in found if each is not None]
    return SchedulePage(schedules=await presenter.many(shown), next=following)


@router.post("/preview", summary="Try out times", responses=documented(400, 401, 413, 415, 422))
async def preview_times(wanted: PreviewRequest, tenant: TenantIn) -> Preview:
    """Return the next runs of a schedule that does not exist yet, and make none."""
    del tenant  # only whether there is one matters
    return scheduling.preview(wanted.when, wanted.after or datetime.now(UTC), wanted.count)


@router.get("/{schedule_id}", summary="Look at a schedule", responses=documented(401, 404, 503))
async def get_schedule(
    schedule_id: IdIn, at: AddressIn, presenter: SchedulePresenterIn
) -> ScheduleView:
    """Return a schedule with its next and last runs."""
    return await presenter.one(await schedules.describe(at, schedule_id))


@router.patch(
    "/{schedule_id}",
    summary="Change a schedule",
    responses=documented(400, 401, 404, 409, 413, 415, 422, 503),
)
async def change_schedule(
    schedule_id: IdIn,
    patch: Annotated[
        dict[str, Any],
        Body(
            description="Any of `job`, `when`, `overlap`, `catch_up_seconds`, `pause_on_failure`, "
            "`remaining_runs`: objects are merged, lists replaced, null restores the default "
            "(RFC 7396).",
            examples=[{"when": {"cron": "30 9 * * MON-FRI"}, "overlap": "buffer_one"}],
        ),
    ],
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: SchedulePresenterIn,
) -> ScheduleView:
    """Change what a schedule runs, and when. Runs that have begun stay as they are."""
    found = await scheduling.change(gateway, tenant, schedule_id, patch)
    return await presenter.one(found)


@router.delete(
    "/{schedule_id}",
    status_code=204,
    response_model=None,
    summary="Delete a schedule",
    responses=documented(401, 404, 503),
)
async def delete_schedule(schedule_id: IdIn, at: AddressIn) -> None:
    """Delete a schedule. Its jobs stay, and one that runs goes on."""
    await schedules.delete(at, schedule_id)


@router.post(
    "/{schedule_id}/pause",
    summary="Pause a schedule",
    responses=documented(400, 401, 404, 422, 503),
)
async def pause_schedule(
    schedule_id: IdIn, at: AddressIn, presenter: SchedulePresenterIn, body: NoteBody | None = None
) -> ScheduleView:
    """Start nothing until it is resumed. A job that runs goes on; pausing again sets the note."""
    await schedules.pause(at, schedule_id, (body and body.note) or "paused over the API")
    return await presenter.one(await schedules.describe(at, schedule_id))


@router.post(
    "/{schedule_id}/resume",
    summary="Resume a schedule",
    responses=documented(400, 401, 404, 422, 503),
)
async def resume_schedule(
    schedule_id: IdIn, at: AddressIn, presenter: SchedulePresenterIn, body: NoteBody | None = None
) -> ScheduleView:
    """Go on from now. What was due while it was paused is not made up for: see backfill."""
    await schedules.resume(at, schedule_id, (body and body.note) or "resumed over the API")
    return await presenter.one(await schedules.describe(at, schedule_id))


@router.post(
    "/{schedule_id}/trigger",
    status_code=202,
    response_model=ScheduleView,
    summary="Run a schedule now",
    responses={
        202: {"description": "Temporal has been told."},
        **documented(400, 401, 404, 422, 503),
    },
)
async def trigger_schedule(
    schedule_id: IdIn,
    at: AddressIn,
    presenter: SchedulePresenterIn,
    key: IdempotencyKeyIn,
    body: TriggerBody | None = None,
) -> ScheduleView:
    """Run once more, also while it is paused; at most once a second. The overlap policy holds."""
    await schedules.trigger(at, schedule_id, body.overlap if body else None, key=key)
    return await presenter.one(await schedules.describe(at, schedule_id))


@router.post(
    "/{schedule_id}/backfill",
    status_code=202,
    response_model=BackfillAccepted,
    summary="Make up for the past",
    responses={
        202: {"description": "Temporal has been told."},
        **documented(400, 401, 404, 415, 422, 503),
    },
)
async def backfill_schedule(
    schedule_id: IdIn,
    wanted: BackfillBody,
    gateway: GatewayIn,
    tenant: TenantIn,
    key: IdempotencyKeyIn,
) -> BackfillAccepted:
    """Run for every time in a span of the past. A time that has a job already gets no second."""
    times = await scheduling.backfill(gateway, tenant, schedule_id, wanted, key)
    return BackfillAccepted(schedule_id=schedule_id, times=times)


@router.get(
    "/{schedule_id}/preview",
    summary="See the next runs",
    responses=documented(400, 401, 404, 422, 503),
)
async def preview_schedule(
    schedule_id: IdIn,
    at: AddressIn,
    count: Annotated[int, Query(ge=1, le=MOST_PREVIEWED)] = 10,
    after: Annotated[Time | None, Query(description="Now, when missing.")] = None,
) -> Preview:
    """Return the next runs, jitter left out, whether the schedule is paused or not."""
    found = await schedules.describe(at, schedule_id)
    left = count if found.remaining_runs is None else min(count, found.remaining_runs)
    return scheduling.preview(when_of(found.stored), after or datetime.now(UTC), left)


async def _unless_gone(at: Address, schedule_id: str) -> Described | None:
    try:
        return await schedules.describe(at, schedule_id)
    except ScheduleNotFound:  # the list lags behind
        return None
