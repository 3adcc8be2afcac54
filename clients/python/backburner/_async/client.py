"""The client of a gateway: one method per thing the gateway can do."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from backburner._async.approvals import AsyncApprovals
from backburner._async.callbacks import AsyncCallbacks
from backburner._async.channels import AsyncChannels
from backburner._async.endpoints import AsyncEndpoints
from backburner._async.job_handle import AsyncJobHandle
from backburner._async.jobs import HOLD_SECONDS, AsyncJobs
from backburner._async.schedules import AsyncSchedules
from backburner._async.transport import AsyncTransport
from backburner._requests import idempotency_key as key_header
from backburner._requests import job_request, json_object, path, prefer_wait, without_none
from backburner.models.documents import Document, DocumentState
from backburner.models.jobs import Estimate, Job, JobTypeInfo
from backburner.models.options import JobOptions

DEFAULT_URL = "http://127.0.0.1:8080"

_NO_RETRIES = timedelta(0)
_SHORTEST_LIMIT = timedelta(seconds=1)


class AsyncBackburner(AsyncJobs):
    """A client of one gateway. Use it as a context manager, or call `aclose`.

    Args:
        base_url: Where the gateway listens; None takes `BACKBURNER_URL`, else this machine's.
        token: Bearer token; None takes `BACKBURNER_TOKEN`, and without that sends none.
        timeout: How long one request may take.
        retry_for: How long a request that is safe to repeat is repeated while the gateway is busy,
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
        retry_for: timedelta = timedelta(seconds=30),
        outage: timedelta = timedelta(minutes=5),
    ) -> None:
        transport = AsyncTransport(
            base_url or os.environ.get("BACKBURNER_URL") or DEFAULT_URL,
            token=token or os.environ.get("BACKBURNER_TOKEN"),
            timeout=timeout,
            retry_for=retry_for,
        )
        super().__init__(transport, outage)
        self.approvals = AsyncApprovals(transport)
        """What waits for people's decisions."""
        self.callbacks = AsyncCallbacks(transport)
        """The log of callbacks and notifications."""
        self.channels = AsyncChannels(transport)
        """Channels for notifications."""
        self.endpoints = AsyncEndpoints(transport)
        """URLs that receive the callbacks of all jobs."""
        self.schedules = AsyncSchedules(transport)
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
    ) -> AsyncJobHandle:
        """Start a job and return at once; repeating after a lost reply starts no second one.

        The handle that is returned can be waited for.

        Args:
            type: Name of the job type.
            payload: What it works on.
            options: Choices such as model and deadline.
            labels: Free words to find the job by.
            callback_url: Gets a signed POST when the job ends; see `backburner.webhooks`.
            notify: Channels to notify of the job: names, or objects with `channel`, `on`
                and `to`.
            idempotency_key: The same key with the same request always means the same job, also
                from another process. Made up when missing.
            wait: How long the gateway may hold its reply for the job to end; the handle's `job`
                then has its result.

        Raises:
            ApiError: The type is unknown, the payload does not fit, callbacks may not go to the
                URL, there is no such channel, or the key was used before.
        """
        body = job_request(
            type,
            payload,
            options=options,
            labels=labels,
            callback_url=callback_url,
            notify=notify,
        )
        job = await self._start(path("jobs"), body, idempotency_key, wait)
        return AsyncJobHandle(self, job)

    async def quick(
        self,
        type: str,
        payload: BaseModel | Mapping[str, Any],
        *,
        options: JobOptions | Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        limit: timedelta = timedelta(seconds=HOLD_SECONDS),
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
        body = job_request(type, payload, options=options, labels=labels)
        where = path("quick", body.pop("type"))
        return await self._start(where, body, idempotency_key, max(limit, _SHORTEST_LIMIT))

    async def _start(
        self, where: str, body: Mapping[str, Any], key: str | None, wait: timedelta
    ) -> Job:
        seconds = wait.total_seconds()
        return await self._transport.fetch(
            Job,
            "POST",
            where,
            json=body,
            headers=key_header(key) | prefer_wait(seconds),
            extra_seconds=seconds,
        )

    async def estimate(self, type: str, payload: BaseModel | Mapping[str, Any]) -> Estimate:
        """Return what a job will probably take; it is checked as for a submission, not started.

        Raises:
            ApiError: The type is unknown, or the payload does not fit.
        """
        body = {"type": type, "payload": json_object(payload)}
        return await self._transport.fetch(Estimate, "POST", path("jobs", "estimate"), json=body)

    async def upload_documents(self, paths: Iterable[Path]) -> list[Document]:
        """Upload files one by one, streamed from disk, and return their documents in order."""
        return [await self._upload(file) for file in paths]

    async def _upload(self, file: Path) -> Document:
        with await asyncio.to_thread(file.open, "rb") as content:
            reply = await self._transport.request(
                "POST",
                path("documents"),
                files=[("files", (file.name, content))],
                repeatable=False,  # a second copy under another id would lie around for ever
            )
        return Document.model_validate(reply.json()["documents"][0])

    def documents(
        self, *, state: DocumentState | None = None, page_size: int = 50
    ) -> AsyncIterator[Document]:
        """Yield the uploaded documents, newest first, of every state or of one."""
        params = without_none(state=state, limit=page_size)
        return self._transport.pages(Document, path("documents"), "documents", params)

    async def job_types(self) -> Sequence[JobTypeInfo]:
        """Return every kind of job the gateway accepts."""
        return await self._transport.fetch_list(JobTypeInfo, path("job-types"), "job_types")

    async def job_type(self, name: str) -> JobTypeInfo:
        """Return one kind of job with its schemas."""
        return await self._transport.fetch(JobTypeInfo, "GET", path("job-types", name))

    async def ping(self) -> None:
        """Return when the gateway answers; raises `GatewayUnreachable` when it does not."""
        await self._transport.request("GET", "/livez", retry_for=_NO_RETRIES)

    async def check_ready(self) -> None:
        """Return when the gateway can do its work; raises `ApiError` saying what it lacks."""
        await self._transport.request("GET", "/readyz", retry_for=_NO_RETRIES)
