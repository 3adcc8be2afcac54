"""Errors about approvals: at the door, and of the jobs that ask for them."""

from jobs.errors.door import RequestRefused
from jobs.errors.failures import JobFailure


class ApprovalNotFound(RequestRefused):
    """The job never asked for an approval of that key."""

    code = "approval_not_found"
    title = "Approval not found"
    advice = "GET /api/approvals?job={job_id} lists the approvals of a job."
    http_status = 404


class ApprovalNotOpen(RequestRefused):
    """The job has no such approval open: it was decided otherwise, or nobody may decide now."""

    code = "approval_not_open"
    title = "Approval not open"
    advice = "GET /api/approvals?job={job_id} lists a job's approvals and what was decided."
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


class ApprovalEditsUnfit(JobFailure):
    """Somebody approved with edits that fit the schema and not the model of the job type."""

    code = "approval_edits_unfit"
    title = "Edits unfit"
    advice = "Submit the job again; its type should say in the schema what edits have to be like."


class ApprovalMalformed(JobFailure):
    """The job asks for an approval that cannot be shown, or for the same one twice."""

    code = "approval_malformed"
    title = "Approval malformed"
    advice = "Show at most 256 KiB of JSON; of larger things, a summary and where they lie."
