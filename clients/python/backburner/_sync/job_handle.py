# Generated from _async/job_handle.py by generate_sync.py: change that file, not this one.
"""A submitted job that can be waited for."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any
from uuid import UUID

from backburner._sync.jobs import Jobs
from backburner.models.jobs import Job, JobEvent, JobStatus


class JobHandle:
    """A job of this client.

    Attributes:
        job: The job as the gateway last reported it to this handle.
    """

    def __init__(self, client: Jobs, job: Job) -> None:
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

    def refresh(self) -> Job:
        """Return the job as it stands now."""
        self.job = self._client.get(self.job_id)
        return self.job

    def wait(self, timeout: timedelta | None = None) -> Job:
        """Return the job once it has ended, however it ended; outlasts restarts of the gateway.

        Raises:
            WaitTimedOut: It did not end within the timeout.
        """
        self.job = self._client.wait(self.job_id, timeout=timeout)
        return self.job

    def result(self, timeout: timedelta | None = None) -> Any:
        """Wait for the job's end and return its output.

        Raises:
            WaitTimedOut: It did not end within the timeout.
            JobFailed: The job failed.
            JobCanceled: The job was canceled.
        """
        self.wait(timeout)
        return self._client.result(self.job_id)

    def events(self, *, after: int = 0) -> Generator[JobEvent, None]:
        """Yield the job's events that follow `after`, live, until it has ended."""
        return self._client.events(self.job_id, after=after)

    def cancel(self, *, reason: str | None = None) -> Job:
        """Ask for the job's end; a job that has ended is returned unchanged."""
        self.job = self._client.cancel(self.job_id, reason=reason)
        return self.job
