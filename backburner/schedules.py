"""Jobs that run by themselves: `client.schedules`."""

import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel

from backburner.bodies import job_of, sent
from backburner.models import Cost, Failure
from backburner.transport import Transport
from jobs.options import JobOptions
from jobs.schedules.model import Overlap, When
from jobs.status import JobStatus
from jobs.values import Value

PATH = "/api/schedules"


class Run(Value):
    """A job that a schedule started."""

    job_id: UUID
    status: JobStatus
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: Failure | None = None
    cost: Cost = Cost()


class RunCounts(Value):
    """What became of the times that were due.

    Attributes:
        started: Runs begun, backfills and runs by hand included.
        missed: Left out, since Temporal was down for longer than the catch-up window.
        skipped: Left out, since an earlier run went on.
        waiting: Waiting for an earlier run to end.
    """

    started: int = 0
    missed: int = 0
    skipped: int = 0
    waiting: int = 0


class Schedule(Value):
    """A schedule, its next runs and the last ones.

    Attributes:
        job: Type, payload, options and labels of what is submitted each time.
        when: The times, as they were given.
        remaining_runs: Runs left; None when they are not counted.
        next_runs: Empty while it is paused.
        last_runs: Newest first.
    """

    schedule_id: str
    job: dict[str, Any]
    when: dict[str, Any]
    overlap: str
    catch_up_seconds: int
    pause_on_failure: bool = False
    remaining_runs: int | None = None
    paused: bool = False
    note: str | None = None
    next_runs: list[datetime] = []
    last_runs: list[Run] = []
    counts: RunCounts = RunCounts()
    created_at: datetime | None = None
    updated_at: datetime | None = None


class SchedulePage(Value):
    """One page of schedules, newest first; `next` is the cursor of the following page."""

    schedules: list[Schedule]
    next: str | None = None


class PlannedRun(Value):
    """A time at which a schedule runs; `local` is the same in its time zone."""

    at: datetime
    local: str


class Preview(Value):
    """The next runs of a schedule, jitter left out."""

    time_zone: str
    runs: list[PlannedRun]


class Schedules:
    """What can be done with schedules. Found as `AsyncBackburner.schedules`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        type: str,
        payload: BaseModel | Mapping[str, Any],
        when: When | Mapping[str, Any],
        *,
        id: str | None = None,
        options: JobOptions | Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        callback_url: str | None = None,
        notify: str | Iterable[str | Mapping[str, Any]] = (),
        idempotency_key: str | None = None,
        **terms: Any,
    ) -> Schedule:
        """Have a job submitted again and again; repeating after a lost reply makes no second one.

        Args:
            type: Name of the job type.
            payload: What each job works on.
            when: Cron expressions, intervals, calendars, a time zone …
            id: Your name for it; made up when missing.
            options: Choices such as model and deadline.
            labels: Free words to find the jobs by.
            callback_url: Gets a signed POST when each of the jobs ends.
            notify: Channels whose people hear of the jobs; see `AsyncBackburner.submit`.
            idempotency_key: The same key with the same request always means the same schedule.
                Made up when missing.
            **terms: `overlap`, `catch_up_seconds`, `pause_on_failure`, `remaining_runs`, `paused`,
                `note`.

        Raises:
            ApiError: Something does not fit, or there is another schedule of that id.
        """
        job = job_of(
            type,
            payload,
            options=options,
            labels=labels,
            callback_url=callback_url,
            notify=notify,
        )
        body = {"job": job, "when": sent(when), **terms} | ({"id": id} if id else {})
        return await self.create_from(body, idempotency_key=idempotency_key)

    async def create_from(
        self, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Schedule:
        """Make a schedule from a complete body of `POST /api/schedules`, read from a file maybe."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        reply = await self._transport.request("POST", PATH, json=sent(body), headers=headers)
        return Schedule.model_validate_json(reply.content)

    async def get(self, schedule_id: str) -> Schedule:
        """Return a schedule as it stands."""
        reply = await self._transport.request("GET", _path(schedule_id))
        return Schedule.model_validate_json(reply.content)

    async def list(self, *, page_size: int = 20) -> AsyncIterator[Schedule]:
        """Yield the schedules, newest first; pages are fetched as they are needed."""
        async for page in self._transport.pages(PATH, {"limit": page_size}):
            for schedule in SchedulePage.model_validate_json(page).schedules:
                yield schedule

    async def change(self, schedule_id: str, patch: Mapping[str, Any]) -> Schedule:
        """Change a schedule by a JSON merge patch: `{"when": {"cron": "30 9 * * *"}}`."""
        reply = await self._transport.request("PATCH", _path(schedule_id), json=sent(patch))
        return Schedule.model_validate_json(reply.content)

    async def pause(self, schedule_id: str, *, note: str | None = None) -> Schedule:
        """Have a schedule start nothing until it is resumed."""
        return await self._told(schedule_id, "pause", {"note": note})

    async def resume(self, schedule_id: str, *, note: str | None = None) -> Schedule:
        """Have a schedule go on from now."""
        return await self._told(schedule_id, "resume", {"note": note})

    async def trigger(
        self,
        schedule_id: str,
        *,
        overlap: Overlap | None = None,
        idempotency_key: str | None = None,
    ) -> Schedule:
        """Have a schedule run now; `overlap` overrules its own policy this once."""
        return await self._told(schedule_id, "trigger", {"overlap": overlap}, idempotency_key)

    async def backfill(
        self,
        schedule_id: str,
        start_at: datetime,
        end_at: datetime | None = None,
        *,
        overlap: Overlap = Overlap.BUFFER_ALL,
        idempotency_key: str | None = None,
    ) -> int:
        """Have a schedule run for every time in a span of the past; return how many there are.

        A time that has a job already gets no second one.
        """
        body = {"start_at": start_at, "end_at": end_at, "overlap": overlap}
        reply = await self._post(schedule_id, "backfill", body, idempotency_key)
        times: int = reply.json()["times"]
        return times

    async def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its jobs stay."""
        # Not repeated: the second reply would be that there is none.
        await self._transport.request("DELETE", _path(schedule_id), repeatable=False)

    async def preview(
        self,
        when: When | Mapping[str, Any] | str,
        *,
        count: int = 10,
        after: datetime | None = None,
    ) -> Preview:
        """Return the next runs of times that are only being tried out, or of a schedule's id."""
        if isinstance(when, str):
            params = {"count": count} | ({"after": after.isoformat()} if after else {})
            path = f"{_path(when)}/preview"
            reply = await self._transport.request("GET", path, params=params)
        else:
            body = {"when": sent(when), "count": count, "after": after}
            reply = await self._transport.request("POST", f"{PATH}/preview", json=sent(body))
        return Preview.model_validate_json(reply.content)

    async def _told(
        self, schedule_id: str, verb: str, body: Mapping[str, Any], key: str | None = None
    ) -> Schedule:
        reply = await self._post(schedule_id, verb, body, key)
        return Schedule.model_validate_json(reply.content)

    async def _post(
        self, schedule_id: str, verb: str, body: Mapping[str, Any], key: str | None
    ) -> Any:
        said = {name: value for name, value in body.items() if value is not None}
        # Temporal acts once upon a key, so a lost reply may be asked for again.
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        path = f"{_path(schedule_id)}/{verb}"
        return await self._transport.request("POST", path, json=sent(said), headers=headers)


def _path(schedule_id: str) -> str:
    return f"{PATH}/{quote(schedule_id, safe='')}"
