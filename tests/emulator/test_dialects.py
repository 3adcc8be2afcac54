"""The emulator as another server that speaks almost like OpenAI."""

import json
from typing import Any

import openai as sdk
import pytest

TEXT = "The harbour moved 4.2 million tonnes in 2025. Cranes ran for 310 days without an accident."


async def speak(admin, **dialect: Any) -> None:
    assert (await admin.post("/settings", json={"dialect": dialect})).status_code == 204


async def background(openai, **script: Any):
    headers = {"X-Emulator-Script": json.dumps(script)}
    return await openai.responses.create(
        model="m", input=TEXT, background=True, extra_headers=headers
    )


async def test_a_server_without_background_refuses_it(openai, admin):
    await speak(admin, background="refused")
    with pytest.raises(sdk.BadRequestError) as caught:
        await background(openai)
    assert caught.value.param == "background"
    assert (await openai.responses.create(model="m", input=TEXT)).status == "completed"


async def test_a_server_that_ignores_background_replies_when_it_is_done(openai, admin):
    await speak(admin, background="ignored")
    response = await background(openai, queued_seconds=0, run_seconds=0.2)
    assert (response.status, response.background) == ("completed", False)
    assert (await openai.responses.retrieve(response.id)).status == "completed"


@pytest.mark.parametrize(
    ("status", "error"), [(400, sdk.BadRequestError), (409, sdk.ConflictError)]
)
async def test_a_missing_response_can_be_another_error(openai, admin, status, error):
    await speak(admin, missing_status=status)
    for call in (openai.responses.retrieve, openai.responses.cancel, openai.responses.delete):
        with pytest.raises(error):
            await call("resp_no")


async def test_a_server_may_rewrite_ids(openai, admin):
    await speak(admin, rewritten_ids=True)
    created = await background(openai, outcome="stuck")
    found = await openai.responses.retrieve(created.id)
    assert found.id != created.id
    assert (await openai.responses.retrieve(found.id)).id == found.id
    assert (await openai.responses.cancel(found.id)).status == "cancelled"
    [entry] = (await admin.get("/ledger")).json()
    assert (entry["id"], entry["status"]) == (created.id, "cancelled")


async def test_a_server_may_refuse_to_cancel_what_has_ended(openai, admin):
    await speak(admin, cancel_ended_status=409)
    ended = await background(openai)
    with pytest.raises(sdk.ConflictError):
        await openai.responses.cancel(ended.id)
    running = await background(openai, outcome="stuck")
    assert (await openai.responses.cancel(running.id)).status == "cancelled"
    with pytest.raises(sdk.ConflictError):
        await openai.responses.cancel(running.id)


async def test_a_server_may_leave_out_the_details_of_usage(openai, admin):
    await speak(admin, usage_details=False)
    usage = (await background(openai)).usage
    assert usage is not None
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.model_fields_set == {"input_tokens", "output_tokens", "total_tokens"}


async def test_a_server_may_have_no_webhooks(openai, admin):
    await speak(admin, webhooks=False)
    with pytest.raises(sdk.NotFoundError):
        await openai.webhooks.create(name="n", url="http://x", event_types=["response.completed"])


async def test_wrong_settings_change_nothing(openai, admin):
    wrong = {"latency_seconds": 600, "dialect": {"background": "odd"}}
    assert (await admin.post("/settings", json=wrong)).status_code == 422
    assert (await admin.post("/settings", json={"latency": 1})).status_code == 422
    assert (await background(openai)).status == "completed"
