"""Whether a step is submitted again after a submit that brought no answer, and how soon."""

from jobs.errors import JobError, SubmitUncertain
from jobs.requests import StepRequest

LONGEST_PAUSE_SECONDS = 60.0
"""Between two submits of a step, when the provider gives no hint: 1, 2, 4 … up to this."""


def pause_before_next(number: int) -> float:
    """Return the seconds to wait after submit `number`, when the provider gave no hint."""
    return min(2.0 ** (number - 1), LONGEST_PAUSE_SECONDS)


def is_parked(step: StepRequest, number: int) -> bool:
    """Tell whether an operator has to decide about a submit, should its reply be lost."""
    return step.on_uncertain == "park" and number > step.retry_of


def seconds_to_next(step: StepRequest, number: int, error: JobError | None) -> float | None:
    """Return how soon a step is submitted again after an error; None when it is not.

    Args:
        step: What was asked.
        number: The submit that ended with the error.
        error: The error; None when there was none.
    """
    if error is None or not error.retryable or number >= step.max_tries:
        return None
    if isinstance(error, SubmitUncertain) and is_parked(step, number):
        return None
    hint = error.retry_after_seconds
    return pause_before_next(number) if hint is None else hint
