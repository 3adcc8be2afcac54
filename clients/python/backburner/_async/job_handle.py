"""A submitted job that can be waited for."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

from backburner._async.jobs import AsyncJobs
from backburner.models.jobs import Job, JobEvent, JobStatus


class AsyncJobHandle:
    """A job of this client.

    Attributes:
        job: The job as the gateway last reported it to this handle.
    """

    def __init__(self, client: AsyncJobs, job: Job) -> None:
        self._client = client
        self.job = job

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.job_id} {self.status}>"

    @property
    def job_id(self) -> UUID:
        """The job's id."""
        return self.job.job_id

    @property
    def status(self) -> JobStatus:
        """The status that was last reported."""
        return self.job.status

    async def refresh(self) -> Job:
        """Return the job as it stands now."""
        self.job = await self._client.get(self.job_id)
        return self.job

    async def wait(self, timeout: timedelta | None = None) -> Job:
        """Return the job once it has ended, however it ended; outlasts restarts of the gateway.

        Raises:
            WaitTimedOut: It did not end within the timeout.
        """
        self.job = await self._client.wait(self.job_id, timeout=timeout)
        return self.job

    async def result(self, timeout: timedelta | None = None) -> Any:
        """Wait for the job's end and return its output.

        Raises:
            WaitTimedOut: It did not end within the timeout.
            JobFailed: The job failed.
            JobCanceled: The job was canceled.
        """
        await self.wait(timeout)
        return await self._client.result(self.job_id)

    def events(self, *, after: int = 0) -> AsyncGenerator[JobEvent, None]:
        """Yield the job's events that follow `after`, live, until it has ended."""
        return self._client.events(self.job_id, after=after)

    async def cancel(self, *, reason: str | None = None) -> Job:
        """Ask for the job's end; a job that has ended is returned unchanged."""
        self.job = await self._client.cancel(self.job_id, reason=reason)
        return self.job
