"""Request options and files: accepted, checked and reflected."""

import json
from typing import Any

import openai as sdk
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response

from tests.extraction.documents import written_pdf

TEXT = "The harbour moved 4.2 million tonnes in 2025. Cranes ran for 310 days without an accident."


async def create(
    openai: AsyncOpenAI, script: dict[str, Any] | None = None, **more: Any
) -> Response:
    headers = {"X-Emulator-Script": json.dumps(script or {})}
    request: dict[str, Any] = {
        "model": "m",
        "input": TEXT,
        "background": True,
        "extra_headers": headers,
    } | more
    response: Response = await openai.responses.create(**request)
    return response


async def test_reasoning_and_tier_are_reflected_and_the_tier_may_differ(openai, admin):
    response = await create(openai, reasoning={"effort": "high"}, service_tier="flex")
    assert response.reasoning is not None
    assert (response.reasoning.effort, response.service_tier) == ("high", "flex")
    moved = await create(openai, {"service_tier": "default"}, service_tier="priority")
    assert moved.service_tier == "default"
    tiers = [entry["service_tier"] for entry in (await admin.get("/ledger")).json()]
    assert tiers == ["flex", "default"]


async def test_a_discounted_window_takes_longer(openai, admin):
    await admin.post("/settings", json={"latency_seconds": 0.01, "window_factor": 1_000_000})
    options = {"completion_window": "2h", "continuation_id": "root"}
    assert (await create(openai, background_options=options)).status == "queued"
    [entry] = (await admin.get("/ledger")).json()
    assert entry["background_options"] == options


@pytest.mark.parametrize("more", [{"service_tier": "flex"}, {"background": False}])
async def test_a_discounted_window_needs_background_and_the_standard_tier(openai, admin, more):
    with pytest.raises(sdk.BadRequestError) as caught:
        await create(openai, background_options={"completion_window": "8h"}, **more)
    assert caught.value.param == "background_options"


async def test_a_prompt_reference_stands_for_model_and_input(openai, admin):
    prompt: Any = {"id": "pmpt_1", "version": "2", "variables": {"subject": TEXT}}
    response = await openai.responses.create(prompt=prompt, background=True)
    assert response.prompt is not None
    assert (response.prompt.id, response.prompt.version) == ("pmpt_1", "2")
    assert response.model
    assert "4.2 million" in response.output_text
    await admin.post("/script", json={"default": {"fault": "prompt_not_found"}})
    with pytest.raises(sdk.NotFoundError) as caught:
        await openai.responses.create(prompt={"id": "pmpt_no"}, background=True)
    assert caught.value.param == "prompt"


async def test_built_in_tools_are_accepted_and_echoed(openai):
    tools: list[dict[str, Any]] = [
        {"type": "web_search"},
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {
            "type": "mcp",
            "server_label": "docs",
            "server_url": "https://example.com/mcp",
            "require_approval": "never",
        },
    ]
    response = await create(openai, tools=tools)
    assert [tool.type for tool in response.tools] == [tool["type"] for tool in tools]


def file_input(file_id: str) -> Any:
    parts = [
        {"type": "input_text", "text": "Summarise the file."},
        {"type": "input_file", "file_id": file_id},
    ]
    return [{"role": "user", "content": parts}]


async def test_a_file_is_read_by_its_id_until_it_is_deleted(openai):
    stored = await openai.files.create(file=("a.txt", TEXT.encode()), purpose="user_data")
    response = await create(openai, input=file_input(stored.id))
    assert "4.2 million" in response.output_text
    assert response.usage is not None
    assert response.usage.input_tokens > len(TEXT) // 4
    await openai.files.delete(stored.id)
    with pytest.raises(sdk.BadRequestError) as caught:
        await create(openai, input=file_input(stored.id))
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize("content", [b"%PDF-\xff\xfe", b"\x89PNG\r\n\x1a\n"])
async def test_a_file_that_has_no_text_is_accepted(openai, content):
    stored = await openai.files.create(file=("a.pdf", content), purpose="user_data")
    assert (await create(openai, input=file_input(stored.id))).status == "completed"


async def test_a_pdf_is_read(openai):
    pdf = written_pdf(TEXT)
    stored = await openai.files.create(file=("a.pdf", pdf), purpose="user_data")
    assert "4.2 million" in (await create(openai, input=file_input(stored.id))).output_text


async def test_files_of_another_purpose_and_too_large_ones_are_refused(openai, monkeypatch):
    batch = await openai.files.create(file=("a.txt", b"one"), purpose="batch")
    large = await openai.files.create(file=("a.txt", b"a" * 101), purpose="user_data")
    monkeypatch.setattr("local.openai_emulator.files._LARGEST_INPUT", 100)
    for stored, code in ((batch, "invalid_file_purpose"), (large, "file_too_large")):
        with pytest.raises(sdk.BadRequestError) as caught:
            await create(openai, input=file_input(stored.id))
        assert caught.value.code == code


async def test_files_are_kept_listed_and_deleted_as_at_openai(openai):
    first = await openai.files.create(
        file=("a.txt", b"one"),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    second = await openai.files.create(file=("b.txt", b"two!"), purpose="batch")
    assert (first.bytes, first.filename, second.bytes) == (3, "a.txt", 4)
    assert first.expires_at is not None
    assert first.expires_at - first.created_at == pytest.approx(3600, abs=1)
    assert [each.id async for each in openai.files.list(limit=1)] == [second.id, first.id]
    by_purpose = await openai.files.list(purpose="user_data", order="asc")
    assert [each.id for each in by_purpose.data] == [first.id]
    assert (await openai.files.retrieve(first.id)).filename == "a.txt"
    assert (await openai.files.content(first.id)).content == b"one"
    assert (await openai.files.delete(first.id)).deleted
    with pytest.raises(sdk.NotFoundError):
        await openai.files.content(first.id)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"purpose": "odd"}, "purpose"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after.seconds"),
    ],
)
async def test_a_wrong_upload_is_refused(openai, more, param):
    with pytest.raises(sdk.BadRequestError) as caught:
        await openai.files.create(**{"file": ("a", b"x"), "purpose": "user_data"} | more)
    assert caught.value.param == param
