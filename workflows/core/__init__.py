"""The kit: everything a job type gets for nothing."""

from workflows.core.declare import job, query, signal
from workflows.core.job import Job

__all__ = ["Job", "job", "query", "signal"]
