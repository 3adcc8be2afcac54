"""What each of the provider's errors means, for a submit and for anything that may be repeated."""

from datetime import timedelta

import httpx2
import openai
import pytest

from activities import failures
from activities.interceptor import to_application_error
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

CLIENT = openai.AsyncOpenAI(api_key="k", base_url="http://127.0.0.1/v1")
REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/responses")


def status_error(status: int, *, headers: dict[str, str] | None = None, code: str | None = None):
    """Return the SDK's error for a reply, made as the SDK makes it."""
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    body = {"message": "no", "type": "t", "param": None, "code": code}
    return CLIENT._make_status_error("no", body={"error": body}, response=response)


def connection_error(cause: type[Exception]) -> openai.APIConnectionError:
    error = (
        openai.APITimeoutError(request=REQUEST)
        if issubclass(cause, httpx2.TimeoutException)
        else openai.APIConnectionError(request=REQUEST)
    )
    error.__cause__ = cause("broken")
    return error


@pytest.mark.parametrize(
    ("status", "submit", "other"),
    [
        (400, ProviderBadRequest, ProviderBadRequest),
        (401, ProviderUnauthorized, ProviderUnauthorized),
        (403, ProviderUnauthorized, ProviderUnauthorized),
        (404, ProviderNotFound, ProviderNotFound),
        (408, SubmitUncertain, ProviderFailure),
        (402, ProviderQuotaExhausted, ProviderQuotaExhausted),
        (405, ProviderBadRequest, ProviderBadRequest),
        (409, ProviderOverloaded, ProviderOverloaded),
        (413, ProviderBadRequest, ProviderBadRequest),
        (422, ProviderBadRequest, ProviderBadRequest),
        (429, ProviderRateLimited, ProviderRateLimited),
        (500, SubmitUncertain, ProviderFailure),
        (502, SubmitUncertain, ProviderFailure),
        (503, ProviderOverloaded, ProviderOverloaded),
        (504, SubmitUncertain, ProviderFailure),
    ],
)
def test_a_status_means_one_thing_for_a_submit_and_one_for_the_rest(status, submit, other):
    assert type(failures.of_submit(status_error(status))) is submit
    assert type(failures.of_request(status_error(status))) is other


def test_long_words_are_cut_and_the_id_of_the_request_is_kept():
    error = status_error(502, headers={"x-request-id": "req_1"})
    error.message = "Error code: 502 - " + "bad gateway 🦊 " * 1_000
    detail = failures.of_submit(error).detail
    assert detail.startswith("Error code: 502 - bad gateway")
    assert detail.endswith("… [request req_1]")
    assert len(detail.encode()) <= failures.LONGEST_WORDS + len(" [request req_1]")


@pytest.mark.parametrize(
    ("cause", "submit"),
    [
        (httpx2.ConnectError, ProviderUnreachable),
        (httpx2.ConnectTimeout, ProviderUnreachable),
        (httpx2.PoolTimeout, ProviderUnreachable),
        (httpx2.UnsupportedProtocol, ProviderUnreachable),
        (httpx2.LocalProtocolError, ProviderUnreachable),
        (httpx2.ReadTimeout, SubmitUncertain),
        (httpx2.WriteTimeout, SubmitUncertain),
        (httpx2.ReadError, SubmitUncertain),
        (httpx2.WriteError, SubmitUncertain),
        (httpx2.CloseError, SubmitUncertain),
        (httpx2.RemoteProtocolError, SubmitUncertain),
    ],
)
def test_a_broken_connection_is_a_refusal_only_before_the_first_byte(cause, submit):
    assert type(failures.of_submit(connection_error(cause))) is submit
    assert type(failures.of_request(connection_error(cause))) is ProviderUnreachable


def test_a_connection_error_without_a_cause_is_uncertain():
    error = openai.APIConnectionError(request=REQUEST)
    assert type(failures.of_submit(error)) is SubmitUncertain


@pytest.mark.parametrize("code", sorted(failures.QUOTA_CODES))
def test_an_exhausted_quota_is_told_from_a_rate_limit_and_waits_longer(code):
    found = failures.of_submit(status_error(429, headers={"retry-after": "1"}, code=code))
    assert type(found) is ProviderQuotaExhausted
    assert found.retry_after_seconds == failures.QUOTA_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, failures.LONGEST_RETRY_AFTER_SECONDS),
        ({"retry-after": "9999999"}, failures.LONGEST_RETRY_AFTER_SECONDS),
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_providers_own_wait_is_obeyed_within_a_cap(headers, seconds, status):
    found = failures.of_submit(status_error(status, headers=headers))
    assert found.retry_after_seconds == seconds
    wait = None if seconds is None else timedelta(seconds=seconds)
    assert to_application_error(found).next_retry_delay == wait


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_temporal_is_told_the_code_and_whether_to_try_again(status):
    ours: JobError = failures.of_submit(status_error(status))
    told = to_application_error(ours)
    assert (told.type, told.non_retryable) == (ours.code, status < 429)


def test_the_words_carry_the_cause_and_the_request_id():
    assert "ReadTimeout" in failures.of_submit(connection_error(httpx2.ReadTimeout)).detail
    traced = failures.of_submit(status_error(400, headers={"x-request-id": "req_7"}))
    assert "req_7" in traced.detail


def test_words_that_no_table_can_hold_are_told_without_what_it_cannot():
    error = connection_error(httpx2.ReadError)
    error.message = "before\ud800\x00after"
    assert failures.of_submit(error).detail.startswith("before?after")
