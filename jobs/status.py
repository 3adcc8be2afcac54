"""The five statuses of a job and the moves between them."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands. Terminal statuses never change."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """Tell whether the job has ended for good."""
        return self in TERMINAL


TERMINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})
OPEN = frozenset(JobStatus) - TERMINAL

MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.RUNNING}) | TERMINAL,
    JobStatus.RUNNING: TERMINAL,
    **{status: frozenset[JobStatus]() for status in TERMINAL},
}
"""Legal moves; a job without any deed may end straight from pending."""


def may_move(current: JobStatus, to: JobStatus) -> bool:
    """Tell whether a job may go from one status to another."""
    return to in MOVES[current]
