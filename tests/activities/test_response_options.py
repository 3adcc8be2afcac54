"""Options: each arrives as the provider's own parameter, and none is sent that nobody chose."""

from decimal import Decimal
from typing import Any

import pytest

from activities.prices import price
from jobs.money import Usage
from jobs.options import JobOptions, ResponseOptions
from jobs.requests import FilePart, PromptReference, ResponseRequest, TextPart
from tests.activities.bench import MODEL, TEXT, Bench, scripted
from tests.activities.status_server import StatusServer, completed
from tests.installation import Installation

ALWAYS = {"model", "input", "background", "store", "metadata"}
SEARCH = {"type": "web_search"}


async def sent(bench: Bench, provider: StatusServer, **more: Any) -> dict[str, Any]:
    """Submit a request and return the body of its POST."""
    given: dict[str, Any] = {"input": (TextPart(text=TEXT),)} | more
    provider.creates = [completed()]
    await bench.respond(await bench.step(request=ResponseRequest(**given)))
    return provider.bodies[-1]


async def test_nothing_is_sent_that_nobody_chose(scripted_bench: Bench, provider: StatusServer):
    body = await sent(scripted_bench, provider)
    assert set(body) == ALWAYS
    assert (body["background"], body["store"]) == (True, True)
    assert len(body["metadata"]) == 4


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({"model": "gpt-6.1-sol"}, {"model": "gpt-6.1-sol"}),
        ({"max_output_tokens": 300}, {"max_output_tokens": 300}),
        ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
        ({"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"store": False}, {"store": False}),
        ({"store": True}, {"store": True}),
        ({"on_incomplete": "accept"}, {}),
        ({"delete_after_collect": False}, {}),
    ],
    ids=str,
)
async def test_an_option_is_the_providers_parameter(
    scripted_bench: Bench,
    provider: StatusServer,
    options: dict[str, Any],
    parameters: dict[str, Any],
):
    body = await sent(scripted_bench, provider, options=ResponseOptions(**options))
    assert set(body) == ALWAYS | set(parameters)
    assert {name: body[name] for name in parameters} == parameters


@pytest.mark.parametrize(
    ("more", "parameters"),
    [
        ({"instructions": "Be brief."}, {"instructions": "Be brief."}),
        ({"tools": (SEARCH,)}, {"tools": [SEARCH]}),
        ({"previous_response_id": "resp_0"}, {"previous_response_id": "resp_0"}),
        ({"prompt": PromptReference(id="pmpt_1")}, {"prompt": {"id": "pmpt_1", "variables": {}}}),
        (
            {"prompt": PromptReference(id="pmpt_1", version="2", variables={"a": "b"})},
            {"prompt": {"id": "pmpt_1", "version": "2", "variables": {"a": "b"}}},
        ),
    ],
    ids=["instructions", "tools", "previous", "prompt", "prompt version"],
)
async def test_a_part_of_the_request_is_the_providers_parameter(
    scripted_bench: Bench, provider: StatusServer, more: dict[str, Any], parameters: dict[str, Any]
):
    body = await sent(scripted_bench, provider, **more)
    assert set(body) == ALWAYS | set(parameters)
    assert {name: body[name] for name in parameters} == parameters


async def test_files_go_in_by_id_and_in_order(scripted_bench: Bench, provider: StatusServer):
    parts = (TextPart(text="Read"), FilePart(file_id="file-1"), TextPart(text="and answer."))
    body = await sent(scripted_bench, provider, input=parts)
    [message] = body["input"]
    assert message["content"] == [
        {"type": "input_text", "text": "Read"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_text", "text": "and answer."},
    ]


@pytest.mark.parametrize("window", ["soonest", "2h", "8h"])
async def test_a_window_continues_the_job_it_belongs_to(bench: Bench, window: str):
    options = ResponseOptions.model_validate({"model": MODEL, "completion_window": window})
    request = ResponseRequest(input=(TextPart(text=scripted(run_seconds=0)),), options=options)
    step = await bench.step(request=request)
    await bench.respond(step)
    [made] = await bench.house.created()
    assert made["background_options"] == {
        "completion_window": window,
        "continuation_id": str(step.job.job_id),
    }
    [row] = await bench.submits(step)
    assert row.cost is not None
    full = price(row.cost.usage, model=MODEL, service_tier="default")
    assert full is not None
    share = {"soonest": "1", "2h": "0.7", "8h": "0.6"}[window]
    assert row.cost.usd == full.usd * Decimal(share)


@pytest.mark.parametrize(
    ("tier", "window", "share"),
    [
        (None, None, "1"),
        ("default", "2h", "0.7"),
        ("default", "8h", "0.6"),
        (None, "8h", "0.6"),
        ("default", "soonest", "1"),
        ("flex", "8h", "0.5"),
        ("default", "99h", "1"),
    ],
)
def test_the_price_follows_tier_and_window(tier: str | None, window: str | None, share: str):
    usage = Usage(input_tokens=1000, output_tokens=500)
    full = price(usage, model=MODEL, service_tier=None)
    found = price(usage, model=MODEL, service_tier=tier, window=window)
    assert full is not None
    assert found is not None
    assert found.usd == full.usd * Decimal(share)


async def test_the_price_follows_the_tier_that_was_really_used(bench: Bench):
    options = ResponseOptions(model=MODEL, service_tier="priority")
    text = scripted(service_tier="default", run_seconds=0)
    request = ResponseRequest(input=(TextPart(text=text),), options=options)
    step = await bench.step(request=request)
    outcome = await bench.respond(step)
    usual = price(outcome.cost.usage, model=MODEL, service_tier="default")
    assert usual is not None
    assert outcome.cost.usd == usual.usd


async def test_what_the_client_chose_arrives_through_the_whole_job(house: Installation):
    options = JobOptions(
        model=MODEL, completion_window="8h", store=False, delete_after_collect=True
    )
    job_id = await house.submit("summarize_text", {"text": scripted(run_seconds=0)}, options)
    row = await house.ended(job_id)
    assert row.failure is None
    [made] = await house.created()
    assert (made["model"], made["deleted"]) == (MODEL, True)
    assert made["background_options"]["completion_window"] == "8h"
    assert await house.result(job_id)
