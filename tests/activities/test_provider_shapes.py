"""Every shape in which a provider says no, through the emulator and the real SDK, to one submit.

The SDK is watched too: whatever a reply says, it must never post again by itself.
"""

from typing import Any, get_args

import pytest
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_error import ResponseError

from activities.failures import LONGEST_RETRY_AFTER_SECONDS, QUOTA_CODES, QUOTA_PAUSE_SECONDS
from activities.verdicts import TRANSIENT_CODES
from jobs.errors import (
    JobError,
    ProviderBadRequest,
    ProviderNotFound,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderUnauthorized,
    ResponseFailed,
    ResponseFailedTransiently,
    ResponseIncomplete,
    SubmitUncertain,
)
from jobs.requests import ResponseRequest, TextPart
from tests.activities.bench import TEXT, Bench, benched, scripted
from tests.activities.lost import Brisk, calls

PAUSE = 1.0  # after a first submit, when the provider gave no hint
ASKS_AGAIN = {"x-should-retry": "true"}  # which the SDK would obey, if it were allowed to

REFUSALS: list[tuple[dict[str, Any], type[JobError], float | None]] = [
    ({"fault": "bad_request"}, ProviderBadRequest, PAUSE),
    ({"fault": "bad_request", "headers": ASKS_AGAIN}, ProviderBadRequest, PAUSE),
    ({"fault": "unprocessable"}, ProviderBadRequest, PAUSE),
    ({"fault": "unauthorized"}, ProviderUnauthorized, PAUSE),
    ({"fault": "forbidden"}, ProviderUnauthorized, PAUSE),
    ({"fault": "model_not_found"}, ProviderNotFound, PAUSE),
    ({"fault": "prompt_not_found"}, ProviderNotFound, PAUSE),
    ({"fault": "conflict"}, ProviderOverloaded, PAUSE),
    ({"fault": "overloaded"}, ProviderOverloaded, PAUSE),
    ({"fault": "overloaded", "headers": {"retry-after": "9"}}, ProviderOverloaded, 9),
    ({"fault": "rate_limited", "retry_after_seconds": 7}, ProviderRateLimited, 7),
    ({"fault": "rate_limited", "retry_after_seconds": 0.25}, ProviderRateLimited, 0.25),
    (
        {"fault": "rate_limited", "retry_after_seconds": 90, "retry_after_as": "date"},
        ProviderRateLimited,
        90,
    ),
    (
        {"fault": "rate_limited", "retry_after_seconds": 999_999},
        ProviderRateLimited,
        LONGEST_RETRY_AFTER_SECONDS,
    ),
    ({"fault": "rate_limited", "error_code": "slow_down"}, ProviderRateLimited, 1),
    *(
        ({"fault": "quota", "error_code": code}, ProviderQuotaExhausted, QUOTA_PAUSE_SECONDS)
        for code in sorted(QUOTA_CODES)
    ),
]

UNCERTAIN: list[dict[str, Any]] = [
    {"fault": "server_error"},
    {"fault": "server_error", "headers": ASKS_AGAIN},
    {"fault": "bad_gateway"},  # a page instead of JSON
    {"fault": "gateway_timeout"},
    {"fault": "drop_before"},
]
UNCERTAIN_AND_PAID: list[dict[str, Any]] = [
    {"fault": "drop_after"},
    {"fault": "server_error_after"},
    {"fault": "garbled_reply"},
]


def by_value(each: object) -> str:
    return "-".join(map(str, each.values())) if isinstance(each, dict) else ""


def codes_of(model: Any, field: str) -> list[str]:
    """Return the values the SDK's own types allow in a field."""
    annotation = model.model_fields[field].annotation
    found = [each for each in get_args(annotation) if each is not type(None)]
    return [str(each) for part in found for each in (get_args(part) or (part,))]


async def refused(bench: Bench, script: dict[str, Any], **options: Any) -> tuple[JobError, str]:
    """Submit once; return the error and the submit's state."""
    step = await bench.step(scripted(**{"queued_seconds": 0, "run_seconds": 0} | script), **options)
    with pytest.raises(JobError) as caught:
        await bench.respond(step)
    [row] = await bench.submits(step)
    assert row.error_code == caught.value.code
    assert (await calls(bench.house))["POST /v1/responses"] == 1
    return caught.value, row.state.value


@pytest.mark.parametrize(("script", "kind", "pause"), REFUSALS, ids=by_value)
async def test_a_refusal_is_certain_and_nothing_was_paid(
    bench: Bench, script: dict[str, Any], kind: type[JobError], pause: float
):
    error, state = await refused(bench, script)
    assert (type(error), state) == (kind, "rejected")
    assert error.retry_after_seconds == pytest.approx(pause, abs=2 if pause == 90 else 0.001)
    assert await bench.house.created() == []


@pytest.mark.parametrize("script", UNCERTAIN, ids=by_value)
async def test_a_server_in_trouble_leaves_the_submit_uncertain(
    bench: Bench, script: dict[str, Any]
):
    error, state = await refused(bench, script)
    assert (type(error), state) == (SubmitUncertain, "uncertain")
    assert await bench.house.created() == []


@pytest.mark.parametrize("script", UNCERTAIN_AND_PAID, ids=by_value)
async def test_what_was_accepted_without_a_readable_reply_is_uncertain(
    bench: Bench, script: dict[str, Any]
):
    error, state = await refused(bench, script)
    assert (type(error), state) == (SubmitUncertain, "uncertain")
    assert len(await bench.house.created()) == 1


async def test_a_reply_that_takes_longer_than_the_timeout_is_uncertain(bench: Bench):
    base_url = bench.house.environment["OPENAI_BASE_URL"]
    script = {"fault": "slow_reply", "reply_delay_seconds": 30}
    async with benched(bench.house, base_url, submit_timeout="PT0.2S") as impatient:
        error, state = await refused(impatient, script)
    assert (type(error), state) == (SubmitUncertain, "uncertain")
    assert "ReadTimeout" in error.detail
    assert len(await bench.house.created()) == 1


async def test_a_previous_response_nobody_knows_is_a_bad_request(bench: Bench):
    parts = (TextPart(text=TEXT),)
    request = ResponseRequest(input=parts, previous_response_id="resp_unknown")
    error, state = await refused(bench, {}, request=request)
    assert (type(error), state) == (ProviderBadRequest, "rejected")
    assert "resp_unknown" in error.detail


@pytest.mark.parametrize("code", codes_of(ResponseError, "code"))
async def test_a_failed_response_is_worth_another_submit_only_for_a_passing_reason(
    bench: Bench, code: str
):
    error, state = await refused(bench, {"outcome": "failed", "error_code": code})
    kind = ResponseFailedTransiently if code in TRANSIENT_CODES else ResponseFailed
    assert (type(error), state) == (kind, "failed")
    assert code in error.detail
    assert error.retryable is (code in TRANSIENT_CODES)


def test_the_passing_reasons_are_ones_the_sdk_knows():
    assert set(codes_of(ResponseError, "code")) >= TRANSIENT_CODES


@pytest.mark.parametrize("reason", codes_of(IncompleteDetails, "reason"))
async def test_an_incomplete_response_names_its_reason(bench: Bench, reason: str):
    error, state = await refused(bench, {"outcome": "incomplete", "incomplete_reason": reason})
    assert (type(error), state) == (ResponseIncomplete, "failed")
    assert reason in error.detail


@pytest.mark.parametrize(
    "fault", ["server_error", "bad_gateway", "overloaded", "gateway_timeout", "rate_limited"]
)
async def test_a_poll_that_fails_is_only_a_poll(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: str
):
    monkeypatch.setattr("activities.responses.PollSchedule", Brisk)
    text = scripted(
        queued_seconds=0,
        run_seconds=0.1,
        retrieve_fault=fault,
        fault_times=3,
        retry_after_seconds=0,
    )
    step = await bench.step(text)
    await bench.respond(step)
    assert [each.state.value for each in await bench.submits(step)] == ["effective"]
    assert (await calls(bench.house))["GET /v1/responses/{response_id}"] > 3


async def test_a_status_nobody_knows_is_waited_through(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.responses.PollSchedule", Brisk)
    statuses = ["queued", "validating", "paused_for_review"]
    step = await bench.step(scripted(run_seconds=0.2, status_sequence=statuses))
    await bench.respond(step)
    assert [each.state.value for each in await bench.submits(step)] == ["effective"]
