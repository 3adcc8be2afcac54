"""Errors about approvals: at the door, and of the jobs that ask for them."""

from jobs.errors.door import RequestRefused
from jobs.errors.failures import JobFailure


class ApprovalNotOpen(RequestRefused):
    """The job has no such approval, or it was decided before."""

    code = "approval_not_open"
    title = "Approval not open"
    advice = "GET /api/jobs/{job_id} lists the open approvals of a job."
    http_status = 409


class ApprovalStale(RequestRefused):
    """The digest is not that of the open approval: something else was seen than is asked now."""

    code = "approval_stale"
    title = "Approval stale"
    advice = "Read the approval again, and decide with the digest it has now."
    http_status = 409


class ApprovalTimedOut(JobFailure):
    """Nobody decided in time, and the approval has no default."""

    code = "approval_timed_out"
    title = "Approval timed out"
    advice = "Submit the job again and decide in time, or give the approval a default."


class ApprovalMalformed(JobFailure):
    """The job asks for an approval that cannot be shown, or for the same one twice."""

    code = "approval_malformed"
    title = "Approval malformed"
    advice = "Show at most 256 KiB of JSON; of larger things, a summary and where they lie."
