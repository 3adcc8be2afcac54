"""A job's events as they happen, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from api.follower import Follower
from api.gateway import FollowerIn, GatewayIn, TenantIn
from api.problems import documented
from api.views import EventView
from jobs.errors import InvalidRequest, ServiceUnavailable
from jobs.status import JobStatus
from jobs.values import JobId
from storage import events, jobs
from storage.database import Database
from storage.events import Event
from storage.jobs import JobRow

router = APIRouter(prefix="/api/jobs/{job_id}", tags=["jobs"])

RECONNECT_MILLISECONDS = 2000
KEEPALIVE_SECONDS = 15
PAGE = 100
LARGEST_SEQ = 2**63 - 1


@router.get(
    "/events",
    response_class=StreamingResponse,  # EventSourceResponse here would demand a generator
    response_model=None,
    summary="Follow a job's events",
    responses={
        200: {
            "description": "Each event's `data` is an EventView. The last one is `end`.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": "event: progress\ndata: {…}\nid: 3\n\n",
                }
            },
        },
        204: {"description": "The job has ended and every event was seen: do not reconnect."},
        **documented(400, 401, 404, 503),
    },
)
async def follow_job(
    job_id: JobId,
    gateway: GatewayIn,
    tenant: TenantIn,
    follower: FollowerIn,
    last_event_id: Annotated[
        str | None, Header(description="The last event seen; goes before `after`.")
    ] = None,
    after: Annotated[
        int, Query(ge=0, le=LARGEST_SEQ, description="Skip events up to this number.")
    ] = 0,
) -> Response:
    """Stream what happened and what happens, until the job ends."""
    row = await jobs.get(gateway.db, tenant, job_id)
    seen = after if last_event_id is None else _number(last_event_id)
    if seen >= row.last_seq and row.status.is_terminal:
        return Response(status_code=204)
    if seen > row.last_seq:
        mistake = {"parameter": "Last-Event-ID", "detail": f"the last event is {row.last_seq}"}
        raise InvalidRequest("no such event has happened yet", errors=[mistake])
    # Proxies like nginx would hold events back until they fill a buffer.
    return EventSourceResponse(
        _stream(gateway.db, follower, row, seen), headers={"X-Accel-Buffering": "no"}
    )


def _number(last_event_id: str) -> int:
    if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19:
        return int(last_event_id)
    mistake = {"parameter": "Last-Event-ID", "detail": "not an event of ours"}
    raise InvalidRequest("the Last-Event-ID is malformed", errors=[mistake])


async def _stream(db: Database, follower: Follower, row: JobRow, seen: int) -> AsyncIterator[bytes]:
    """Yield events from storage, page by page, no faster than the client reads them."""
    yield format_sse_event(retry=RECONNECT_MILLISECONDS)
    with follower.watching(row.id) as watch:
        while not follower.closing:
            try:
                # The status comes first: when it is terminal, every event is there to be read.
                row = await jobs.get(db, row.tenant, row.id)
                page = await events.after(db, row.tenant, row.id, seen, limit=PAGE)
            except ServiceUnavailable:
                await follower.next_look()
                continue
            for event in page:
                yield _message(row.id, event)
                seen = event.seq
            if len(page) == PAGE:
                continue
            if row.status.is_terminal:
                yield _end(row.id, row.status, seen)
                return
            while not await watch.beyond(seen, timeout=KEEPALIVE_SECONDS):
                yield KEEPALIVE_COMMENT


def _message(job_id: JobId, event: Event) -> bytes:
    view = EventView(
        job_id=job_id, seq=event.seq, type=event.type, at=event.created_at, data=event.data
    )
    return format_sse_event(id=str(event.seq), event=event.type, data_str=view.model_dump_json())


def _end(job_id: JobId, status: JobStatus, seen: int) -> bytes:
    text = f'{{"job_id":"{job_id}","status":"{status}"}}'
    return format_sse_event(id=str(seen), event="end", data_str=text)
