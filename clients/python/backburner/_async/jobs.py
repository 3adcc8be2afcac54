"""What can be done with jobs, by their ids; the client inherits all of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from backburner._async.event_stream import follow_events
from backburner._async.transport import TRANSIENT_WHILE_WAITING, AsyncTransport
from backburner._deadline import Deadline
from backburner._requests import json_object, path, prefer_wait, without_none
from backburner.errors import ApiError, JobCanceled, JobFailed, WaitTimedOut
from backburner.models.jobs import Job, JobEvent, JobStatus

HOLD_SECONDS = 30
"""How long the gateway is asked to hold a reply for a job to end."""

_SHORTEST_ROUND_SECONDS = 1.0


class AsyncJobs:
    """Reads, follows and ends jobs."""

    def __init__(self, transport: AsyncTransport, outage: timedelta) -> None:
        self._transport = transport
        self._outage = outage

    async def get(self, job_id: UUID | str) -> Job:
        """Return a job as it stands."""
        return await self._transport.fetch(Job, "GET", path("jobs", job_id))

    def jobs(
        self,
        *,
        status: JobStatus | None = None,
        type: str | None = None,
        labels: Mapping[str, str] | None = None,
        parent: UUID | str | None = None,
        root: bool | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[Job]:
        """Yield jobs, newest first; pages are fetched as they are needed.

        Args:
            status: Only jobs of this status.
            type: Only jobs of this type.
            labels: Only jobs with all of these labels.
            parent: Only jobs that this job runs.
            root: True for only jobs that no other job runs, False for only those that one does.
            page_size: Jobs per request.
        """
        labeled = {f"label.{name}": value for name, value in (labels or {}).items()}
        params = without_none(status=status, type=type, parent=parent, root=root, limit=page_size)
        return self._transport.pages(Job, path("jobs"), "jobs", params | labeled)

    async def wait(self, job_id: UUID | str, *, timeout: timedelta | None = None) -> Job:
        """Return the job once it has ended, however it ended; outlasts restarts of the gateway.

        Raises:
            WaitTimedOut: It did not end within the timeout.
        """
        deadline = Deadline(timeout)
        try:
            while True:
                asked_at = time.monotonic()
                job = await self._hold(job_id, deadline)
                if job.status.is_terminal:
                    return job
                # Whoever answers without holding the request back must not be asked in a tight
                # loop.
                elapsed = time.monotonic() - asked_at
                await asyncio.sleep(deadline.limit(max(0.0, _SHORTEST_ROUND_SECONDS - elapsed)))
        except TimeoutError:
            seconds = timeout.total_seconds() if timeout else 0.0
            raise WaitTimedOut(job_id, seconds) from None

    async def _hold(self, job_id: UUID | str, deadline: Deadline) -> Job:
        seconds = deadline.limit(HOLD_SECONDS)
        return await self._transport.fetch(
            Job,
            "GET",
            path("jobs", job_id),
            headers=prefer_wait(seconds),
            extra_seconds=seconds,
            retry_for=self._outage,
            transient=TRANSIENT_WHILE_WAITING,
            deadline=deadline,
        )

    def events(self, job_id: UUID | str, *, after: int = 0) -> AsyncGenerator[JobEvent, None]:
        """Yield the job's events that follow `after`, live, until it has ended.

        A cut connection is resumed behind the last event seen: none is lost, none comes twice.
        """
        where = path("jobs", job_id, "events")
        return follow_events(self._transport, where, after=after, outage=self._outage)

    async def result(self, job_id: UUID | str) -> Any:
        """Return the job's output, without waiting for it.

        Raises:
            ApiError: With code `result_not_ready` while the job has not ended.
            JobFailed: The job failed.
            JobCanceled: The job was canceled.
        """
        where = path("jobs", job_id, "result")
        try:
            # Large results lie in an object store, to which the gateway points.
            reply = await self._transport.request("GET", where, follow_redirects=True)
        except ApiError as error:
            if error.code != "no_result":
                raise
            job = await self.get(job_id)
            raise (JobCanceled if job.status is JobStatus.CANCELED else JobFailed)(job) from error
        return reply.json()

    async def cancel(self, job_id: UUID | str, *, reason: str | None = None) -> Job:
        """Ask for the job's end; a job that has ended is returned unchanged."""
        body = {"reason": reason} if reason else {}
        return await self._transport.fetch(Job, "POST", path("jobs", job_id, "cancel"), json=body)

    async def signal(
        self, job_id: UUID | str, name: str, payload: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        """Send the job a signal that its type declares.

        Never sent twice: a lost reply is an error, since only the caller knows whether a signal
        may be repeated.
        """
        body: dict[str, Any] = {} if payload is None else {"json": json_object(payload)}
        where = path("jobs", job_id, "signals", name)
        await self._transport.request("POST", where, repeatable=False, **body)

    async def query(self, job_id: UUID | str, name: str) -> Any:
        """Return the answer to a query that the job's type declares."""
        return (await self._transport.request("GET", path("jobs", job_id, "queries", name))).json()
