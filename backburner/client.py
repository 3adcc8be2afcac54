"""The Python SDK: one method per thing the gateway can do.

Only asynchronous: a job is long, and waiting for many of them is what asyncio is good at. A script
wraps its main function in `asyncio.run`.
"""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel

from backburner.approvals import Approvals
from backburner.bodies import job_of, sent
from backburner.callbacks import Callbacks, Endpoints
from backburner.channels import Channels
from backburner.errors import ApiError, JobCanceled, JobFailed, WaitTimedOut
from backburner.event_stream import follow_events
from backburner.models import (
    Document,
    DocumentPage,
    Estimate,
    Job,
    JobEvent,
    JobPage,
    JobTypeInfo,
    JobTypeList,
)
from backburner.schedules import Schedules
from backburner.transport import PASSING, Transport
from jobs.library import DocumentState
from jobs.options import JobOptions
from jobs.status import JobStatus

DEFAULT_URL = "http://127.0.0.1:8080"

_NO_PATIENCE = timedelta(0)
_HOLD_SECONDS = 30
_SHORTEST_ROUND_SECONDS = 1.0
_SHORTEST_LIMIT = timedelta(seconds=1)
# A wait has nothing to lose by asking again after a defect of the gateway.
_PASSING_IN_A_WAIT = PASSING | {500}


class AsyncBackburner:
    """A client of one gateway. Use it as a context manager, or call `aclose`.

    Args:
        base_url: Where the gateway listens; None takes `BACKBURNER_URL`, else this machine's.
        token: Bearer token; None takes `BACKBURNER_TOKEN`, and without that sends none.
        timeout: How long one request may take.
        patience: How long a request that is safe to repeat is repeated while the gateway is busy,
            restarting or cut off.
        outage: The same for `wait` and `events`, counted from the last sign of life.

    Raises:
        ValueError: The URL is neither http nor https.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        token: str | None = None,
        timeout: timedelta = timedelta(seconds=30),
        patience: timedelta = timedelta(seconds=30),
        outage: timedelta = timedelta(minutes=5),
    ) -> None:
        self._outage = outage
        self._transport = Transport(
            base_url or os.environ.get("BACKBURNER_URL") or DEFAULT_URL,
            token=token or os.environ.get("BACKBURNER_TOKEN"),
            timeout=timeout,
            patience=patience,
        )
        self.approvals = Approvals(self._transport)
        """What waits for people's decisions."""
        self.callbacks = Callbacks(self._transport)
        """What others were told of jobs."""
        self.channels = Channels(self._transport)
        """Where people can be told of jobs."""
        self.endpoints = Endpoints(self._transport)
        """URLs that are told of all jobs."""
        self.schedules = Schedules(self._transport)
        """Jobs that run by themselves."""

    @property
    def base_url(self) -> str:
        """Where the gateway listens."""
        return self._transport.base_url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.http.aclose()

    async def submit(
        self,
        type: str,
        payload: BaseModel | Mapping[str, Any],
        *,
        options: JobOptions | Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        callback_url: str | None = None,
        notify: str | Iterable[str | Mapping[str, Any]] = (),
        idempotency_key: str | None = None,
        wait: timedelta = timedelta(0),
    ) -> Job:
        """Start a job and return at once; repeating after a lost reply starts no second one.

        Args:
            type: Name of the job type.
            payload: What it works on.
            options: Choices such as model and deadline.
            labels: Free words to find the job by.
            callback_url: Gets a signed POST when the job ends; see `backburner.webhooks`.
            notify: Channels whose people hear of the job: names, or objects with `channel`, `on`
                and `to`.
            idempotency_key: The same key with the same request always means the same job, also
                from another process. Made up when missing.
            wait: How long the gateway may hold its reply for the job to end; a job that does is
                returned with its result.

        Raises:
            ApiError: The type is unknown, the payload does not fit, callbacks may not go to the
                URL, there is no such channel, or the key was used before.
        """
        body = job_of(
            type,
            payload,
            options=options,
            labels=labels,
            callback_url=callback_url,
            notify=notify,
        )
        return await self._take("/api/jobs", body, idempotency_key, wait)

    async def quick(
        self,
        type: str,
        payload: BaseModel | Mapping[str, Any],
        *,
        options: JobOptions | Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        limit: timedelta = timedelta(seconds=_HOLD_SECONDS),
    ) -> Job:
        """Run a job that somebody is waiting for, in front of all others that wait.

        Args:
            type: Name of the job type.
            payload: What it works on.
            options: Choices such as the model; `priority` can only be 1.
            labels: Free words to find the job by.
            idempotency_key: As in `submit`.
            limit: How long to wait, a second at least. The gateway may allow less; after trouble on
                the way it is waited once more.

        Returns:
            The job with its result or error; or as it stands when it takes longer than the limit.
            It goes on then: `wait` for it, and do not run it again.

        Raises:
            ApiError: The type is unknown, the payload does not fit, or the key was used before.
        """
        body = job_of(type, payload, options=options, labels=labels, callback_url=None, notify=())
        del body["type"]
        path = f"/api/quick/{quote(type, safe='')}"
        return await self._take(path, body, idempotency_key, max(limit, _SHORTEST_LIMIT))

    async def _take(
        self, path: str, body: Mapping[str, Any], key: str | None, wait: timedelta
    ) -> Job:
        reply = await self._transport.request(
            "POST",
            path,
            json=body,
            headers={"Idempotency-Key": key or str(uuid.uuid4())} | _prefer(wait.total_seconds()),
            extra_seconds=wait.total_seconds(),
        )
        return Job.model_validate_json(reply.content)

    async def estimate(self, type: str, payload: BaseModel | Mapping[str, Any]) -> Estimate:
        """Return what a job will probably take; it is checked as for a submission, not started.

        Raises:
            ApiError: The type is unknown, or the payload does not fit.
        """
        body = {"type": type, "payload": sent(payload)}
        reply = await self._transport.request("POST", "/api/jobs/estimate", json=body)
        return Estimate.model_validate_json(reply.content)

    async def get(self, job_id: UUID | str) -> Job:
        """Return a job as it stands."""
        reply = await self._transport.request("GET", _job_path(job_id))
        return Job.model_validate_json(reply.content)

    async def jobs(
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
        wanted = {
            "status": status and status.value,
            "type": type,
            **{f"label.{name}": value for name, value in (labels or {}).items()},
            "parent": parent and str(parent),
            "root": root if root is None else str(root).lower(),
            "limit": page_size,
        }
        async for page in self._transport.pages("/api/jobs", wanted):
            for job in JobPage.model_validate_json(page).jobs:
                yield job

    async def wait(self, job_id: UUID | str, *, timeout: timedelta | None = None) -> Job:
        """Return the job once it has ended, however it ended; outlasts restarts of the gateway.

        Raises:
            WaitTimedOut: It did not end within the timeout.
        """
        seconds = None if timeout is None else timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await self._wait(job_id)
        except TimeoutError:
            raise WaitTimedOut(job_id, seconds or 0.0) from None

    async def _wait(self, job_id: UUID | str) -> Job:
        while True:
            asked_at = time.monotonic()
            reply = await self._transport.request(
                "GET",
                _job_path(job_id),
                headers=_prefer(_HOLD_SECONDS),
                extra_seconds=_HOLD_SECONDS,
                patience=self._outage,
                passing=_PASSING_IN_A_WAIT,
            )
            job = Job.model_validate_json(reply.content)
            if job.status.is_terminal:
                return job
            # Whoever answers without holding the request back must not be asked in a tight loop.
            elapsed = time.monotonic() - asked_at
            await asyncio.sleep(max(0.0, _SHORTEST_ROUND_SECONDS - elapsed))

    def events(self, job_id: UUID | str, *, after: int = 0) -> AsyncGenerator[JobEvent, None]:
        """Yield the job's events that follow `after`, live, until it has ended.

        A cut connection is resumed behind the last event seen: none is lost, none comes twice.
        """
        path = f"{_job_path(job_id)}/events"
        return follow_events(self._transport, path, after=after, outage=self._outage)

    async def result(self, job_id: UUID | str) -> Any:
        """Return the job's output.

        Raises:
            ApiError: With code `result_not_ready` while the job has not ended.
            JobFailed: The job failed.
            JobCanceled: The job was canceled.
        """
        path = f"{_job_path(job_id)}/result"
        try:
            # Large results lie in an object store, to which the gateway points.
            reply = await self._transport.request("GET", path, follow_redirects=True)
        except ApiError as error:
            if error.code != "no_result":
                raise
            job = await self.get(job_id)
            raise (JobCanceled if job.status is JobStatus.CANCELED else JobFailed)(job) from error
        return reply.json()

    async def cancel(self, job_id: UUID | str, *, reason: str | None = None) -> Job:
        """Ask for the job's end; a job that has ended is returned unchanged."""
        body = {"reason": reason} if reason else {}
        reply = await self._transport.request("POST", f"{_job_path(job_id)}/cancel", json=body)
        return Job.model_validate_json(reply.content)

    async def signal(
        self, job_id: UUID | str, name: str, payload: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        """Send the job a signal that its type declares.

        Never sent twice: a lost reply is an error, since only the caller knows whether a signal
        may be repeated.
        """
        path = f"{_job_path(job_id)}/signals/{quote(name, safe='')}"
        body: dict[str, Any] = {} if payload is None else {"json": sent(payload)}
        await self._transport.request("POST", path, repeatable=False, **body)

    async def query(self, job_id: UUID | str, name: str) -> Any:
        """Return the answer to a query that the job's type declares."""
        path = f"{_job_path(job_id)}/queries/{quote(name, safe='')}"
        return (await self._transport.request("GET", path)).json()

    async def upload_documents(self, paths: Iterable[Path]) -> list[Document]:
        """Upload files one by one, streamed from disk, and return their documents in order."""
        return [await self._upload(path) for path in paths]

    async def _upload(self, path: Path) -> Document:
        with await asyncio.to_thread(path.open, "rb") as file:
            reply = await self._transport.request(
                "POST",
                "/api/documents",
                files=[("files", (path.name, file))],
                repeatable=False,  # a second copy under another id would lie around for ever
            )
        return DocumentPage.model_validate_json(reply.content).documents[0]

    async def documents(
        self, *, state: DocumentState | None = None, page_size: int = 50
    ) -> AsyncIterator[Document]:
        """Yield the uploaded documents, newest first, of every state or of one."""
        params = {"state": state, "limit": page_size}
        async for page in self._transport.pages("/api/documents", params):
            for document in DocumentPage.model_validate_json(page).documents:
                yield document

    async def job_types(self) -> list[JobTypeInfo]:
        """Return every kind of job the gateway accepts."""
        reply = await self._transport.request("GET", "/api/job-types")
        return JobTypeList.model_validate_json(reply.content).job_types

    async def job_type(self, name: str) -> JobTypeInfo:
        """Return one kind of job with its schemas."""
        path = f"/api/job-types/{quote(name, safe='')}"
        reply = await self._transport.request("GET", path)
        return JobTypeInfo.model_validate_json(reply.content)

    async def ping(self) -> None:
        """Return when the gateway answers; raises `GatewayUnreachable` when it does not."""
        await self._transport.request("GET", "/livez", patience=_NO_PATIENCE)

    async def check_ready(self) -> None:
        """Return when the gateway can do its work; raises `ApiError` saying what it lacks."""
        await self._transport.request("GET", "/readyz", patience=_NO_PATIENCE)


def _job_path(job_id: UUID | str) -> str:
    return f"/api/jobs/{quote(str(job_id), safe='')}"


def _prefer(seconds: float) -> dict[str, str]:
    return {"Prefer": f"wait={int(seconds)}"} if seconds >= 1 else {}
