"""Trouble on request: from the header, the metadata, a marker in the input, or a rule."""

import json
import logging
import socket
import subprocess
import sys
from typing import Any

import httpx2
import openai as sdk
import pytest

TEXT = "The harbour moved 4.2 million tonnes in 2025. Cranes ran for 310 days without an accident."
SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}


async def create(openai, said: str = TEXT, script: dict[str, Any] | None = None, **more):
    headers = {} if script is None else {"X-Emulator-Script": json.dumps(script)}
    return await openai.responses.create(
        model="m", input=said, background=True, extra_headers=headers, **more
    )


async def ledger(admin) -> Any:
    return (await admin.get("/ledger")).json()


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("rate_limited", sdk.RateLimitError, "rate_limit_exceeded"),
        ("quota", sdk.RateLimitError, "insufficient_quota"),
        ("server_error", sdk.InternalServerError, None),
        ("overloaded", sdk.InternalServerError, "server_is_overloaded"),
        ("bad_request", sdk.BadRequestError, "invalid_value"),
        ("unauthorized", sdk.AuthenticationError, "invalid_api_key"),
    ],
)
async def test_a_refused_create_leaves_no_trace_and_the_next_succeeds(
    openai, admin, fault, error, code
):
    with pytest.raises(error) as caught:
        await create(openai, script={"fault": fault})
    assert caught.value.code == code
    assert await ledger(admin) == []
    assert (await create(openai, script={"fault": fault})).status == "completed"


@pytest.mark.parametrize(
    ("seconds", "name", "value"), [(2, "retry-after", "2"), (0.25, "retry-after-ms", "250")]
)
async def test_a_rate_limit_says_when_to_come_back(openai, seconds, name, value):
    with pytest.raises(sdk.RateLimitError) as caught:
        await create(openai, script={"fault": "rate_limited", "retry_after_seconds": seconds})
    assert caught.value.response.headers[name] == value


@pytest.mark.parametrize(("fault", "accepted"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_is_cut_without_an_answer(
    openai, admin, caplog, fault, accepted
):
    caplog.set_level(logging.WARNING)
    with pytest.raises(sdk.APIConnectionError) as caught:
        await create(openai, script={"fault": fault})
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError | httpx2.ReadError)
    assert len(await ledger(admin)) == accepted
    assert caplog.records == []
    await create(openai, script={"fault": fault})
    assert len(await ledger(admin)) == accepted + 1


async def test_a_slow_reply_is_accepted_before_the_client_gives_up(openai, admin):
    with pytest.raises(sdk.APITimeoutError):
        await create(openai, script={"fault": "slow_reply", "reply_delay_seconds": 30}, timeout=0.3)
    assert len(await ledger(admin)) == 1


async def test_a_fault_counts_the_submits_of_one_step(openai, admin):
    script = {"fault": "overloaded", "fault_times": 2}
    for submit in ("1", "2"):
        with pytest.raises(sdk.InternalServerError):
            await create(openai, script=script, metadata={"step": "a", "submit": submit})
    await create(openai, script=script, metadata={"step": "a", "submit": "3"})
    with pytest.raises(sdk.InternalServerError):
        await create(openai, script=script, metadata={"step": "b", "submit": "1"})


async def test_a_marker_in_the_input_scripts_the_response_and_is_not_quoted(openai):
    marked = (
        'Ships waited a day. [[emulator: {"outcome":\n "incomplete"}]] Then they left the port.'
    )
    response = await create(openai, marked)
    assert response.status == "incomplete"
    assert "emulator" not in response.output_text


async def test_the_metadata_can_carry_the_script(openai):
    response = await create(openai, metadata={"emulator": '{"outcome": "failed"}'})
    assert response.status == "failed"


@pytest.mark.parametrize("text", ["[[emulator: {oops]]", '[[emulator: {"outcome": "odd"}]]'])
async def test_a_script_that_is_not_one_is_refused(openai, text):
    with pytest.raises(sdk.BadRequestError) as caught:
        await create(openai, text)
    assert caught.value.code == "invalid_emulator_script"


async def test_bad_json_breaks_the_schema_once(openai):
    text_format = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
    more: dict[str, Any] = {"text": {"format": text_format}, "script": {"outcome": "bad_json"}}
    assert "summary" not in json.loads((await create(openai, **more)).output_text)
    assert "summary" in json.loads((await create(openai, **more)).output_text)


async def test_rules_and_the_default_script_come_from_the_admin(openai, admin):
    rules = [
        {"match": {"metadata": {"step": "a"}}, "script": {"outcome": "failed"}, "times": 1},
        {"contains": "harbour", "script": {"output_text": "by text"}},
    ]
    change = {"default": {"output_text": "by default"}, "rules": rules}
    assert (await admin.post("/script", json=change)).status_code == 204
    assert (await create(openai, metadata={"step": "a"})).status == "failed"
    assert (await create(openai, metadata={"step": "a"})).output_text == "by text"
    assert (await create(openai, "A quiet day at sea.")).output_text == "by default"
    assert (await admin.post("/script", json={"defualt": {}})).status_code == 422


async def test_the_ledger_can_be_read_since_a_moment(openai, admin):
    await create(openai)
    [first] = await ledger(admin)
    later = await admin.get("/ledger", params={"since": first["created_at"] + 0.000001})
    assert later.json() == []


def test_the_command_serves_and_stops() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "local.openai_emulator", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            transport = httpx2.HTTPTransport(retries=8)
            with httpx2.Client(transport=transport) as client:
                reply = client.get(f"http://127.0.0.1:{port}/__admin/ledger")
            assert reply.json() == []
        finally:
            process.terminate()
            _, errors = process.communicate()
    assert errors == ""
