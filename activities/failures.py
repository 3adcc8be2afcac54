"""The only place where a provider's error becomes one of ours.

The one question that matters for a submit is whether the provider may have accepted it. A refusal
is certain when the request never left, or when the provider itself said no; everything else after
sending is `SubmitUncertain`, because the reply that would tell was lost.
"""

import math
from datetime import UTC, datetime

import httpx2
import openai

from jobs.errors import (
    JobError,
    ProviderBadRequest,
    ProviderFailure,
    ProviderNotFound,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderUnauthorized,
    ProviderUnreachable,
    SubmitUncertain,
)
from jobs.retry_after import seconds_of
from jobs.texts import keepable, shortened

NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
"""Transport errors that happen before the first byte of the request is on its way."""

QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
"""429 codes that no short wait cures (OpenAI, guides/error-codes)."""

QUOTA_PAUSE_SECONDS = 300.0
"""Somebody has to add credit: asking again within seconds is pointless."""

LONGEST_RETRY_AFTER_SECONDS = 900.0
"""Cap on the provider's own wait hint, so that a wrong header cannot park a job for days."""

BY_STATUS: dict[int, type[ProviderFailure]] = {
    401: ProviderUnauthorized,
    402: ProviderQuotaExhausted,
    403: ProviderUnauthorized,
    404: ProviderNotFound,
    408: ProviderFailure,  # the server gave up reading, or so it says
    409: ProviderOverloaded,
    425: ProviderOverloaded,
    503: ProviderOverloaded,
}
"""What an HTTP status means; any other 4xx is a bad request, any other 5xx is uncertain."""

LONGEST_WORDS = 500
"""Bytes of a provider's words; some servers quote a whole request or page in their errors."""


def of_submit(error: openai.APIError) -> JobError:
    """Say what a failed POST means: refused for certain, or `SubmitUncertain`."""
    if isinstance(error, openai.APIConnectionError):
        if isinstance(error.__cause__, NEVER_SENT):
            return ProviderUnreachable(words_of(error))
        return SubmitUncertain(words_of(error))
    failure = of_request(error)
    return failure if type(failure) is not ProviderFailure else SubmitUncertain(words_of(error))


def of_request(error: openai.APIError) -> JobError:
    """Say what a failed GET, cancel or delete means; these may be repeated without harm."""
    if isinstance(error, openai.APIConnectionError):
        return ProviderUnreachable(words_of(error))
    if isinstance(error, openai.RateLimitError):
        return _slow_down(error)
    status = error.status_code if isinstance(error, openai.APIStatusError) else 0
    other = ProviderBadRequest if 400 <= status < 500 else ProviderFailure
    return BY_STATUS.get(status, other)(words_of(error), retry_after_seconds=_hint(error))


def _slow_down(error: openai.RateLimitError) -> JobError:
    if error.code in QUOTA_CODES or error.type in QUOTA_CODES:
        return ProviderQuotaExhausted(words_of(error), retry_after_seconds=QUOTA_PAUSE_SECONDS)
    return ProviderRateLimited(words_of(error), retry_after_seconds=_hint(error))


def _hint(error: openai.APIError) -> float | None:
    """Return the provider's wait hint in seconds, capped; None when it gave none."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = seconds_of(headers["retry-after"], datetime.now(UTC))
    except (KeyError, ValueError):
        return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def words_of(error: openai.APIError) -> str:
    """Return what the provider said, what lay behind it, and the id it gave the request."""
    cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
    request_id = getattr(error, "request_id", None)
    traced = f" [request {request_id}]" if request_id else ""
    words = shortened(keepable(error.message), LONGEST_WORDS)
    return f"{words}{cause}{traced}"
