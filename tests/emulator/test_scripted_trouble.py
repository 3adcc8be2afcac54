"""The rarer troubles of a provider: odd statuses, lag, expiry, limits, every error shape."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import openai as sdk
import pytest
from openai import AsyncOpenAI

from local.openai_emulator.answers import Answer
from local.openai_emulator.ledger import Record
from local.openai_emulator.limits import go_duration
from local.openai_emulator.scripts import Script

TEXT = "The harbour moved 4.2 million tonnes in 2025. Cranes ran for 310 days without an accident."


async def create(openai: AsyncOpenAI, script: dict[str, Any] | None = None, **more: Any):
    headers = {"X-Emulator-Script": json.dumps(script or {})}
    request: dict[str, Any] = {
        "model": "m",
        "input": TEXT,
        "background": True,
        "extra_headers": headers,
    } | more
    return await openai.responses.create(**request)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("rate_limited", sdk.RateLimitError, "slow_down"),
        ("quota", sdk.RateLimitError, "credit_balance_exhausted"),
        ("quota", sdk.RateLimitError, "organization_spend_limit_exceeded"),
        ("quota", sdk.RateLimitError, "project_spend_limit_exceeded"),
        ("quota", sdk.RateLimitError, "organization_usage_limit_exceeded"),
        ("forbidden", sdk.PermissionDeniedError, "unsupported_country_region_territory"),
        ("model_not_found", sdk.NotFoundError, "model_not_found"),
        ("prompt_not_found", sdk.NotFoundError, "prompt_not_found"),
        ("conflict", sdk.ConflictError, "conflict"),
        ("unprocessable", sdk.UnprocessableEntityError, "unprocessable_entity"),
        ("gateway_timeout", sdk.InternalServerError, "timeout"),
        ("unauthorized", sdk.AuthenticationError, "account_deactivated"),
    ],
)
async def test_every_error_shape_can_be_asked_for(openai, admin, fault, error, code):
    with pytest.raises(error) as caught:
        await create(openai, {"fault": fault, "error_code": code})
    assert caught.value.code == code
    assert (await admin.get("/ledger")).json() == []


async def test_a_bad_gateway_answers_with_a_page(openai):
    with pytest.raises(sdk.InternalServerError) as caught:
        await create(openai, {"fault": "bad_gateway"})
    assert (caught.value.status_code, caught.value.code) == (502, None)
    assert "<html>" in caught.value.response.text


@pytest.mark.parametrize(
    ("fault", "error"),
    [("server_error_after", sdk.InternalServerError), ("garbled_reply", json.JSONDecodeError)],
)
async def test_a_useless_reply_may_hide_an_accepted_response(openai, admin, fault, error):
    with pytest.raises(error):
        await create(openai, {"fault": fault})
    assert len((await admin.get("/ledger")).json()) == 1


async def test_retrieve_and_cancel_can_fail_for_a_while(openai):
    script = {"retrieve_fault": "server_error", "cancel_fault": "overloaded", "outcome": "stuck"}
    response = await create(openai, script | {"fault_times": 2})
    for _ in range(2):
        with pytest.raises(sdk.InternalServerError):
            await openai.responses.retrieve(response.id)
        with pytest.raises(sdk.InternalServerError):
            await openai.responses.cancel(response.id)
    assert (await openai.responses.retrieve(response.id)).status == "in_progress"
    assert (await openai.responses.cancel(response.id)).status == "cancelled"


async def test_the_hint_to_wait_can_be_a_date(openai):
    script = {"fault": "rate_limited", "retry_after_seconds": 60, "retry_after_as": "date"}
    with pytest.raises(sdk.RateLimitError) as caught:
        await create(openai, script)
    headers = caught.value.response.headers
    wait = parsedate_to_datetime(headers["retry-after"]) - datetime.now(UTC)
    assert 57 < wait.total_seconds() <= 60
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-ratelimit-reset-requests"] == "1m0s"


async def test_the_headers_of_a_create_can_be_scripted(openai):
    script = {"headers": {"x-ratelimit-remaining-tokens": "17", "x-should-retry": "false"}}
    reply = await openai.responses.with_raw_response.create(
        model="m", input=TEXT, extra_headers={"X-Emulator-Script": json.dumps(script)}
    )
    assert reply.headers["x-ratelimit-remaining-tokens"] == "17"
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["x-ratelimit-limit-tokens"] == "30000000"


async def test_limits_count_down_and_refuse_when_enforced(openai, admin):
    await admin.post("/settings", json={"requests_per_minute": 2, "enforce_rate_limits": True})
    left = []
    for _ in range(2):
        reply = await openai.responses.with_raw_response.create(model="m", input=TEXT)
        left.append(reply.headers["x-ratelimit-remaining-requests"])
    assert left == ["1", "0"]
    with pytest.raises(sdk.RateLimitError) as caught:
        await create(openai)
    assert caught.value.code == "rate_limit_exceeded"
    assert 0 < int(caught.value.response.headers["retry-after-ms"]) <= 30_001
    assert await create(openai, model="another")


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (0.12, "120ms"), (1.5, "1.5s"), (360, "6m0s"), (3661, "1h1m1s")],
)
def test_durations_are_written_as_go_does(seconds, written):
    assert go_duration(seconds) == written


async def test_a_new_response_can_be_invisible_for_a_while(openai):
    response = await create(openai, {"lag_seconds": 60})
    for call in (openai.responses.retrieve, openai.responses.cancel):
        with pytest.raises(sdk.NotFoundError):
            await call(response.id)
    soon = await create(openai, {"lag_seconds": 0.1})
    for _ in range(1000):
        try:
            assert (await openai.responses.retrieve(soon.id)).status == "completed"
        except sdk.NotFoundError:
            continue
        break
    else:
        pytest.fail("the response never appeared")


async def test_an_unstored_response_expires(openai, admin):
    kept = await create(openai, {"expire_seconds": 0})
    assert (await openai.responses.retrieve(kept.id)).status == "completed"
    lost = await create(openai, {"expire_seconds": 0}, store=False)
    with pytest.raises(sdk.NotFoundError):
        await openai.responses.retrieve(lost.id)
    running = await create(openai, {"expire_seconds": 0, "run_seconds": 60}, store=False)
    assert (await openai.responses.retrieve(running.id)).status == "in_progress"
    await admin.post("/settings", json={"expire_seconds": 0})
    lost = await create(openai, store=False)
    with pytest.raises(sdk.NotFoundError):
        await openai.responses.retrieve(lost.id)


def record(script: Script, **more: Any) -> Record:
    fields = {"runs_at": 102.0, "finishes_at": 109.0} | more
    return Record(
        id="resp_1",
        body={"model": "m", "background": True, "store": False},
        text="",
        answer=Answer("completed", "Done.", reasoning_tokens=0),
        input_tokens=7,
        request_id="req_1",
        client_request_id=None,
        created_at=100.0,
        script=script,
        **fields,
    )


def test_a_scripted_sequence_of_statuses_shares_the_time() -> None:
    script = Script(status_sequence=("queued", "in_progress", "paused_for_review"))
    scripted = record(script)
    seen = [scripted.status(now) for now in (101, 104, 107, 109)]
    assert seen == ["queued", "in_progress", "paused_for_review", "completed"]
    stuck = record(script, finishes_at=float("inf"))
    assert [stuck.status(now) for now in (100, 999)] == ["queued", "paused_for_review"]
    assert b'"usage": null' in scripted.render(107)


def test_an_unstored_response_outlives_its_end_by_the_time_it_is_kept() -> None:
    unstored = record(Script(), kept_seconds=600)
    assert [unstored.is_kept(now) for now in (105, 708, 710)] == [True, True, False]


async def test_an_unknown_status_passes_through_the_sdk(openai):
    script = {"status_sequence": ["paused_for_review"], "run_seconds": 60}
    assert (await create(openai, script)).status == "paused_for_review"
