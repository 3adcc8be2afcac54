"""Failures of jobs that run other jobs."""

from jobs.errors.failures import JobFailure


class NestedTooDeep(JobFailure):
    """Jobs run jobs that run jobs, further down than is allowed."""

    code = "nested_too_deep"
    title = "Jobs nested too deep"
    advice = "Look for a job type that runs itself; flatten the tree otherwise."


class ChildGoesOn(JobFailure):
    """A child whose end is asked for has not ended yet."""

    code = "child_goes_on"
    title = "The child goes on"
    advice = "Nothing to do: the parent waits for it."
    retryable = True
