# Generated from _async/schedules.py by generate_sync.py: change that file, not this one.
"""Jobs that run by themselves: `client.schedules`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx2
from pydantic import BaseModel

from backburner._requests import idempotency_key as key_header
from backburner._requests import job_request, json_object, path, without_none
from backburner._sync.transport import Transport
from backburner.models.options import JobOptions
from backburner.models.schedules import Overlap, Preview, Schedule, When


class Schedules:
    """What can be done with schedules. Found as `client.schedules`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
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
            notify: Channels to notify of the jobs; as in `submit`.
            idempotency_key: The same key with the same request always means the same schedule.
                Made up when missing.
            **terms: `overlap`, `catch_up_seconds`, `pause_on_failure`, `remaining_runs`, `paused`,
                `note`.

        Raises:
            ApiError: Something does not fit, or there is another schedule of that id.
        """
        job = job_request(
            type,
            payload,
            options=options,
            labels=labels,
            callback_url=callback_url,
            notify=notify,
        )
        body = {"job": job, "when": json_object(when), **terms} | ({"id": id} if id else {})
        return self.create_from(body, idempotency_key=idempotency_key)

    def create_from(
        self, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Schedule:
        """Make a schedule from a complete body of `POST /api/schedules`, read from a file maybe."""
        return self._transport.fetch(
            Schedule,
            "POST",
            path("schedules"),
            json=json_object(body),
            headers=key_header(idempotency_key),
        )

    def get(self, schedule_id: str) -> Schedule:
        """Return a schedule as it stands."""
        return self._transport.fetch(Schedule, "GET", path("schedules", schedule_id))

    def list(self, *, page_size: int = 20) -> Iterator[Schedule]:
        """Yield the schedules, newest first; pages are fetched as they are needed."""
        params = {"limit": page_size}
        return self._transport.pages(Schedule, path("schedules"), "schedules", params)

    def change(self, schedule_id: str, patch: Mapping[str, Any]) -> Schedule:
        """Change a schedule by a JSON merge patch: `{"when": {"cron": "30 9 * * *"}}`."""
        return self._transport.fetch(
            Schedule, "PATCH", path("schedules", schedule_id), json=json_object(patch)
        )

    def pause(self, schedule_id: str, *, note: str | None = None) -> Schedule:
        """Have a schedule start nothing until it is resumed."""
        reply = self._post(schedule_id, "pause", None, note=note)
        return Schedule.model_validate_json(reply.content)

    def resume(self, schedule_id: str, *, note: str | None = None) -> Schedule:
        """Have a schedule go on from now."""
        reply = self._post(schedule_id, "resume", None, note=note)
        return Schedule.model_validate_json(reply.content)

    def trigger(
        self,
        schedule_id: str,
        *,
        overlap: Overlap | None = None,
        idempotency_key: str | None = None,
    ) -> Schedule:
        """Have a schedule run now; `overlap` overrules its own policy this once."""
        reply = self._post(schedule_id, "trigger", idempotency_key, overlap=overlap)
        return Schedule.model_validate_json(reply.content)

    def backfill(
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
        span = {"start_at": start_at, "end_at": end_at}
        reply = self._post(schedule_id, "backfill", idempotency_key, overlap=overlap, **span)
        return int(reply.json()["times"])

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its jobs stay."""
        # Not repeated: the second reply would be that there is none.
        self._transport.request("DELETE", path("schedules", schedule_id), repeatable=False)

    def preview(
        self,
        when: When | Mapping[str, Any] | str,
        *,
        count: int = 10,
        after: datetime | None = None,
    ) -> Preview:
        """Return the next runs of times that are only being tried out, or of a schedule's id."""
        if isinstance(when, str):
            where, params = (
                path("schedules", when, "preview"),
                without_none(count=count, after=after),
            )
            return self._transport.fetch(Preview, "GET", where, params=params)
        body = {"when": json_object(when), "count": count} | without_none(after=after)
        return self._transport.fetch(Preview, "POST", path("schedules", "preview"), json=body)

    def _post(self, schedule_id: str, verb: str, key: str | None, **body: Any) -> httpx2.Response:
        # Temporal acts once upon a key, so a lost reply may be asked for again.
        return self._transport.request(
            "POST",
            path("schedules", schedule_id, verb),
            json=without_none(**body),
            headers=key_header(key),
        )
