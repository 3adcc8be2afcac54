"""Turning whatever ended `work()` into a failure with a code."""

from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError

from jobs.errors import DeadlineExceeded, JobDefect, JobError
from jobs.model import Failure
from workflows.core import storable


def failure_of(error: BaseException) -> Failure:
    """Return code and message of an exception, as the record can hold them.

    A deed's own error carries its code; a deed that ran out of time means that the job did;
    anything else is a defect of the job type.
    """
    failure = _failure_of(error)
    return failure.model_copy(update={"message": storable.words(failure.message)})


def _failure_of(error: BaseException) -> Failure:
    if isinstance(error, JobError):
        return Failure(code=error.code, message=error.detail)
    if isinstance(error, ActivityError) and error.cause is not None:
        return failure_of(error.cause)
    if isinstance(error, ApplicationError):
        return Failure(code=error.type or JobDefect.code, message=error.message)
    if isinstance(error, TimeoutError):
        return Failure(code=DeadlineExceeded.code, message="the deadline of the job passed")
    return Failure(code=JobDefect.code, message=f"{type(error).__name__}: {error}")


def document_name_of(error: ActivityError) -> str:
    """Return the name of the document that a deed could not read; empty when it is not known."""
    facts = error.cause.details if isinstance(error.cause, ApplicationError) else ()
    return str(facts[0]) if facts else ""
