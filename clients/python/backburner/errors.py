"""What can go wrong between a client and its job.

::

    BackburnerError
    ├── GatewayUnreachable        nobody answered
    ├── ApiError                  the gateway answered with a problem document
    ├── CallbackRejected          a callback is not signed by us, or too old
    ├── JobEnded                  the job ended without a result
    │   ├── JobFailed
    │   └── JobCanceled
    └── WaitTimedOut              the caller's time was up; the job goes on
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from backburner.models.jobs import Job

MOST_SHOWN = 10
"""How many mistakes the text of an error names; `errors` has all of them."""


class BackburnerError(Exception):
    """Base of everything this package raises on purpose."""


class GatewayUnreachable(BackburnerError):
    """No usable answer came from the address."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no gateway at {url} ({reason})")
        self.url = url
        self.reason = reason


class CallbackRejected(BackburnerError):
    """Something that claims to be a callback is not: do not act on it, and answer 401."""


class ApiError(BackburnerError):
    """The gateway refused or could not serve a request.

    Attributes:
        status: The HTTP status.
        code: Stable identifier, explained in `docs/errors.md`; `http_<status>` when something
            between us and the gateway answered.
        detail: What happened, in a sentence.
        advice: What to do about it.
        request_id: Finds the request in the gateway's log.
        errors: One entry per mistake in the request, each with a JSON pointer.
        retry_after_seconds: When the same request may be made again.
    """

    def __init__(
        self,
        status: int,
        problem: Mapping[str, Any],
        *,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.status = status
        self.code = str(problem.get("code") or f"http_{status}")
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.advice = str(problem.get("advice") or "")
        self.request_id = problem.get("request_id") or request_id
        self.errors: Sequence[Mapping[str, Any]] = problem.get("errors") or []
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{self.code}: {self.detail}{_lines_of(self.errors)}")


def _lines_of(errors: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"\n  at {each.get('pointer') or each.get('parameter') or '/'}: {each.get('detail', '')}"
        for each in errors[:MOST_SHOWN]
    ]
    more = len(errors) - len(lines)
    return "".join(lines) + (f"\n  and {more} more" if more else "")


class JobEnded(BackburnerError):
    """The job ended without a result; `job` says how."""

    def __init__(self, job: Job) -> None:
        why = f": {job.error.code}: {job.error.message}" if job.error else ""
        super().__init__(f"job {job.job_id} {job.status}{why}")
        self.job = job


class JobFailed(JobEnded):
    """The job failed; `job.error` carries code, message and advice."""


class JobCanceled(JobEnded):
    """Somebody canceled the job."""


class WaitTimedOut(BackburnerError):
    """The job did not end within the time the caller gave it; it goes on."""

    def __init__(self, job_id: object, seconds: float) -> None:
        super().__init__(f"job {job_id} did not end within {seconds:g} s; it goes on")
        self.job_id = job_id


def from_response(response: httpx2.Response) -> ApiError:
    """Read the problem document in a reply; without one its status speaks alone."""
    return ApiError(
        response.status_code,
        _problem(response),
        request_id=response.headers.get("x-request-id"),
        retry_after_seconds=_seconds(response.headers.get("retry-after")),
    )


def _problem(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        problem = json.loads(response.content)
    except ValueError:  # a proxy's HTML page, or bytes of no known encoding
        problem = None
    return problem if isinstance(problem, dict) else {"detail": response.reason_phrase}


def _seconds(retry_after: str | None) -> float | None:
    """Return the wait that a Retry-After header asks for: seconds, or a date (RFC 9110)."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        seconds = _seconds_until(retry_after or "")
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str) -> float:
    try:
        at = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (at - datetime.now(UTC)).total_seconds()
