"""A response from creation to its end, as the real SDK sees it."""

import httpx2
import openai as sdk
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response

from local.openai_emulator.answers import Answer
from local.openai_emulator.ledger import Record

TEXT = "The harbour moved 4.2 million tonnes in 2025. Cranes ran for 310 days without an accident."


def header(script: str) -> dict[str, str]:
    return {"X-Emulator-Script": script}


async def background(openai: AsyncOpenAI, script: str = "{}", **more) -> Response:
    response: Response = await openai.responses.create(
        model="gpt-6-sol",
        input=TEXT,
        background=True,
        store=True,
        extra_headers=header(script),
        **more,
    )
    return response


async def test_a_background_response_is_queued_then_completed_by_the_admin(openai, admin):
    created = await background(openai, '{"queued_seconds": 60}', metadata={"job": "j1"})
    assert (created.status, created.usage, created.output) == ("queued", None, [])
    await admin.post(f"/responses/{created.id}/complete")
    finished = await openai.responses.retrieve(created.id)
    assert finished.status == "completed"
    assert finished.metadata == {"job": "j1"}
    assert "4.2 million" in finished.output_text
    assert finished.usage is not None
    assert finished.usage.total_tokens == finished.usage.input_tokens + finished.usage.output_tokens


def running_from_102_to_110() -> Record:
    return Record(
        id="resp_1",
        body={"model": "gpt-6-sol", "background": True},
        text="",
        answer=Answer("completed", "Done with everything.", reasoning_tokens=10),
        input_tokens=7,
        request_id="req_1",
        client_request_id=None,
        created_at=100.0,
        runs_at=102.0,
        finishes_at=110.0,
    )


def test_the_status_is_read_off_the_clock() -> None:
    record = running_from_102_to_110()
    assert [record.status(now) for now in (101, 105, 110)] == ["queued", "in_progress", "completed"]
    assert [record.terminal_at(now) for now in (105, 111)] == [None, 110.0]


def test_a_response_cancelled_half_way_costs_half_its_output() -> None:
    record = running_from_102_to_110()
    record.cancel(now=106.0)
    usage = record.usage(now=200.0)
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"]) == (7, 8)
    assert record.status(now=200.0) == "cancelled"


async def test_a_synchronous_response_answers_when_it_is_finished(openai, admin):
    response = await openai.responses.create(
        model="m", input=TEXT, extra_headers=header('{"queued_seconds":0,"run_seconds":0.3}')
    )
    assert response.status == "completed"
    [entry] = (await admin.get("/ledger")).json()
    assert entry["terminal_at"] - entry["created_at"] == pytest.approx(0.3)
    with pytest.raises(sdk.BadRequestError, match="background"):
        await openai.responses.cancel(response.id)


@pytest.mark.parametrize(
    "script",
    [
        "{}",
        '{"outcome": "failed", "error_code": "rate_limit_exceeded"}',
        '{"outcome": "incomplete"}',
        '{"outcome": "refusal"}',
        '{"outcome": "stuck"}',
        '{"queued_seconds": 60}',
    ],
)
async def test_every_reply_is_a_response_by_the_sdks_own_type(openai, emulator_url, script):
    created = await background(openai, script, instructions="Be brief.", temperature=1)
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer x"}) as client:
        raw = (await client.get(f"{emulator_url}/v1/responses/{created.id}")).content
    Response.model_validate_json(raw, strict=True)


async def test_scripted_ends_look_as_they_do_at_openai(openai):
    failed = await background(openai, '{"outcome": "failed", "error_code": "invalid_prompt"}')
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "invalid_prompt"
    short = await background(openai, '{"outcome": "incomplete"}')
    assert short.incomplete_details is not None
    assert short.incomplete_details.reason == "max_output_tokens"
    assert short.output_text
    assert short.usage is not None
    refused = await background(openai, '{"outcome": "refusal"}')
    assert refused.status == "completed"
    assert refused.output_text == ""
    verbatim = await background(openai, '{"output_text": "exactly this"}')
    assert verbatim.output_text == "exactly this"


async def test_a_small_token_limit_leaves_a_response_incomplete(openai):
    response = await background(openai, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.usage is not None
    assert response.usage.output_tokens <= 16


async def test_cancel_is_idempotent_and_books_what_was_read(openai, admin):
    created = await background(openai, '{"outcome": "stuck"}')
    assert created.status == "in_progress"
    first = await openai.responses.cancel(created.id)
    second = await openai.responses.cancel(created.id)
    assert (first.status, second.status) == ("cancelled", "cancelled")
    assert first.usage is not None
    assert first.usage.input_tokens > 0
    [entry] = (await admin.get("/ledger")).json()
    assert entry["cancelled_at"] == entry["terminal_at"]


async def test_cancelling_a_finished_response_returns_it(openai):
    created = await background(openai)
    assert (await openai.responses.cancel(created.id)).status == "completed"


async def test_a_deleted_response_is_gone_but_stays_in_the_ledger(openai, admin):
    created = await background(openai)
    await openai.responses.delete(created.id)
    with pytest.raises(sdk.NotFoundError) as caught:
        await openai.responses.retrieve(created.id)
    assert caught.value.type == "invalid_request_error"
    assert str(caught.value.request_id).startswith("req_")
    assert [entry["deleted"] for entry in (await admin.get("/ledger")).json()] == [True]


async def test_an_unstored_background_response_can_be_polled(openai):
    created = await openai.responses.create(model="m", input=TEXT, background=True, store=False)
    assert (await openai.responses.retrieve(created.id)).status == "completed"
    unkept = await openai.responses.create(model="m", input=TEXT, store=False)
    with pytest.raises(sdk.NotFoundError):
        await openai.responses.retrieve(unkept.id)


async def test_a_follow_up_remembers_and_needs_its_parent(openai):
    parent = await background(openai)
    child = await openai.responses.create(
        model="m", input="Shorter, please.", previous_response_id=parent.id
    )
    assert "tonnes" in child.output_text
    assert child.usage is not None
    assert parent.usage is not None
    assert child.usage.input_tokens > parent.usage.input_tokens
    with pytest.raises(sdk.BadRequestError) as caught:
        await openai.responses.create(model="m", input="x", previous_response_id="resp_no")
    assert caught.value.code == "previous_response_not_found"


async def test_headers_tell_request_limits_and_emulation(openai, admin):
    reply = await openai.responses.with_raw_response.create(
        model="m", input=TEXT, extra_headers={"X-Client-Request-Id": "step-7"}
    )
    assert reply.headers["x-emulated"] == "true"
    assert reply.headers["x-ratelimit-remaining-requests"] == "9999"
    [entry] = (await admin.get("/ledger")).json()
    assert entry["request_id"] == reply.headers["x-request-id"]
    assert entry["client_request_id"] == "step-7"


async def test_latency_follows_the_admin_setting(openai, admin):
    await admin.post("/settings", json={"latency_seconds": 600})
    created = await openai.responses.create(model="m", input=TEXT, background=True)
    assert created.status == "queued"


async def test_models_are_listed(openai):
    assert "gpt-6-sol" in [model.id async for model in openai.models.list()]


async def test_unknown_routes_and_missing_keys_have_openais_shape(emulator_url, admin):
    async with httpx2.AsyncClient(base_url=emulator_url) as client:
        unknown = await client.get("/v1/nothing")
        unauthorised = await client.get("/v1/models")
        wrong_verb = await client.put("/v1/models")
    assert unknown.status_code == 404
    assert set(unknown.json()["error"]) == {"message", "type", "param", "code"}
    assert unauthorised.status_code == 401
    assert wrong_verb.status_code == 405
    calls = (await admin.get("/calls")).json()
    assert calls == {"GET /v1/models": 1}
