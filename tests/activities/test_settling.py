"""What a response that ended means, what it cost, and that it is booked once."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from openai.types.responses import Response

from activities.prices import DEFAULT_WINDOW_TOKENS, price, window_tokens
from activities.verdicts import judge, usage_of
from jobs.money import Usage
from jobs.requests import CancelRequest, StepRequest
from storage import responses
from storage.objects import INLINE_BYTES
from storage.responses import Settlement, State
from tests.activities.bench import MODEL, Bench, full, scripted
from tests.activities.status_server import StatusServer, completed, says

USED = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 0},
    "output_tokens": 100,
    "output_tokens_details": {"reasoning_tokens": 30},
    "total_tokens": 1100,
}


def response(status: str, *parts: dict[str, Any], **more: Any) -> Response:
    """Return a response as the SDK builds it: without validating anything."""
    message = {"id": "m", "type": "message", "role": "assistant", "content": list(parts)}
    given = {"id": "resp_1", "model": MODEL, "status": status, "output": [message]} | more
    return Response.construct(**given)


SAID = {"type": "output_text", "text": "said", "annotations": []}
REFUSED = {"type": "refusal", "refusal": "I will not"}


@pytest.mark.parametrize(
    ("ended", "state", "code", "retryable"),
    [
        (response("completed", SAID), "effective", None, None),
        (response("completed", SAID, REFUSED), "failed", "response_refused", False),
        (response("incomplete", SAID), "failed", "response_incomplete", False),
        (response("cancelled"), "canceled", "response_canceled_upstream", False),
        (response("failed"), "failed", "response_failed", False),
        (response("failed", output=None), "failed", "response_failed", False),
    ],
    ids=["completed", "refused", "incomplete", "cancelled", "failed", "failed with null output"],
)
def test_an_end_has_one_verdict(ended, state, code, retryable):
    verdict = judge(ended)
    assert verdict.state == state
    assert (verdict.error.code if verdict.error else None) == code
    assert (verdict.error.retryable if verdict.error else None) == retryable


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", "response_failed_transiently"),
        ("rate_limit_exceeded", "response_failed_transiently"),
        ("vector_store_timeout", "response_failed_transiently"),
        ("invalid_prompt", "response_failed"),
        ("image_too_large", "response_failed"),
        ("a code from next year", "response_failed"),
    ],
)
def test_only_codes_known_to_pass_are_tried_again(code, kind):
    error = {"code": code, "message": "the provider's words"}
    verdict = judge(response("failed", error=error))
    assert verdict.error
    assert verdict.error.code == kind
    assert "the provider's words" in verdict.error.detail


def test_every_kind_of_token_is_counted():
    assert usage_of(response("completed", SAID, usage=USED)) == Usage(
        input_tokens=1000, cached_tokens=400, output_tokens=100, reasoning_tokens=30
    )
    assert usage_of(response("completed", SAID)) is None


@pytest.mark.parametrize(
    "details",
    [{}, {"input_tokens_details": None, "output_tokens_details": None}],
    ids=["absent", "null"],
)
def test_usage_without_details_is_counted(details):
    used = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12} | details
    found = usage_of(response("completed", SAID, usage=used))
    assert found == Usage(input_tokens=10, output_tokens=2)


PLAIN = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def usd(usage: Usage, tier: str | None = None) -> Decimal:
    found = price(usage, model=MODEL, service_tier=tier)
    assert found
    assert "genai-prices" in found.source
    return found.usd


def test_cached_tokens_and_discounted_tiers_cost_less_and_priority_more():
    cached = PLAIN.model_copy(update={"cached_tokens": 900_000})
    assert 0 < usd(cached) < usd(PLAIN)
    assert usd(PLAIN, "flex") < usd(PLAIN, "default") < usd(PLAIN, "priority")
    assert usd(PLAIN) == usd(PLAIN, "default")


@pytest.mark.parametrize(
    ("model", "usage"),
    [("a-model-nobody-prices", PLAIN), (MODEL, Usage(input_tokens=1, cached_tokens=2))],
    ids=["unknown model", "usage that contradicts itself"],
)
def test_what_cannot_be_priced_has_no_price_rather_than_zero(model, usage):
    assert price(usage, model=model, service_tier=None) is None


def test_an_unknown_model_gets_a_careful_window():
    assert window_tokens("a-model-nobody-prices") == DEFAULT_WINDOW_TOKENS
    assert window_tokens(MODEL) > DEFAULT_WINDOW_TOKENS


async def booked(bench: Bench, step: StepRequest) -> tuple[int, int, Decimal | None]:
    cost = (await bench.house.job(step.job.job_id)).cost
    return cost.responses, cost.unpriced_responses, cost.usd


async def test_a_response_is_booked_once_however_many_try(bench: Bench):
    step = await bench.step()
    left = await bench.submit(step)
    ended = response("completed", SAID, usage=USED)
    books = bench.deeds.responses.books

    verdicts = await asyncio.gather(*(books.settle(left, ended) for _ in range(8)))
    assert sum(each is not None for each in verdicts) == 1
    assert await booked(bench, step) == (1, 0, usd(Usage(**_tokens())))


async def test_responses_of_one_job_booked_at_once_all_count(bench: Bench):
    job = await bench.job()
    steps = [await bench.step(job=job, step_key=f"s{n}") for n in range(12)]
    rows = [await bench.open_intent(each) for each in steps]
    ended = response("completed", SAID, usage=USED)
    await asyncio.gather(*(bench.deeds.responses.books.settle(each, ended) for each in rows))
    assert await booked(bench, steps[0]) == (12, 0, 12 * usd(Usage(**_tokens())))
    assert (await bench.house.job(job.job_id)).cost.usage.cached_tokens == 12 * 400


def _tokens() -> dict[str, int]:
    return {
        "input_tokens": 1000,
        "cached_tokens": 400,
        "output_tokens": 100,
        "reasoning_tokens": 30,
    }


async def test_an_unpriced_response_is_counted_as_such(bench: Bench):
    step = await bench.step()
    left = await bench.open_intent(step)
    ended = response("completed", SAID, usage=USED, model="a-model-nobody-prices")
    await bench.deeds.responses.books.settle(left, ended)
    assert await booked(bench, step) == (1, 1, None)


async def test_a_second_good_answer_of_a_step_is_booked_as_waste(bench: Bench):
    step = await bench.step()
    rows = [await bench.open_intent(step, number) for number in (1, 2)]
    ended = response("completed", SAID, usage=USED)
    verdicts = [await bench.deeds.responses.books.settle(each, ended) for each in rows]
    assert verdicts[1] is None
    assert [each.state for each in await bench.submits(step)] == [State.EFFECTIVE, State.WASTED]
    assert (await booked(bench, step))[0] == 2


async def test_a_cancel_and_an_answer_that_race_book_one_of_the_two(bench: Bench):
    steps = [await bench.step(scripted(run_seconds=0.01)) for _ in range(10)]
    for step in steps:
        await bench.submit(step)
    deeds = bench.deeds.responses
    cancels = [CancelRequest(job=each.job, reason="race", job_too=True) for each in steps]
    await asyncio.gather(
        *(bench.respond(each) for each in steps),
        *(bench.run(deeds.cancel_responses, each) for each in cancels),
        return_exceptions=True,
    )
    for step in steps:
        [row] = await bench.submits(step)
        assert row.state in {State.EFFECTIVE, State.CANCELED}
        assert (await booked(bench, step))[0] == 1


async def test_an_answer_too_large_for_a_row_lies_in_the_object_store(bench: Bench):
    step = await bench.step()
    left = await bench.open_intent(step)
    long = "é" * INLINE_BYTES
    await bench.deeds.responses.books.settle(
        left, response("completed", SAID | {"text": long + "\x00"}, usage=USED)
    )
    [row] = await bench.submits(step)
    assert (row.output, bool(row.output_key)) == (None, True)
    assert await bench.deeds.responses.books.text_of(row) == long


async def test_a_settled_submit_is_never_settled_again_nor_made_uncertain(bench: Bench):
    step = await bench.step()
    left = await bench.open_intent(step)
    db = bench.house.db
    assert await responses.settle(db, left, Settlement(State.REJECTED, error_code="c"))
    assert not await responses.settle(db, left, Settlement(State.EFFECTIVE))
    await responses.mark_uncertain(db, left, "submit_uncertain", "late")
    assert [each.state for each in await bench.submits(step)] == [State.REJECTED]
    assert (await booked(bench, step))[0] == 0


async def test_a_large_answer_is_kept_although_the_object_store_is_full(bench: Bench):
    step = await bench.step(scripted(output_text="a" * (INLINE_BYTES + 1)))
    with full(bench.house, f"tenants/{step.job.tenant}/outputs"):
        outcome = await bench.respond(step)
    assert len(outcome.text) == INLINE_BYTES + 1
    assert await bench.respond(step) == outcome


ODD = "before\ud800\x00after"
"""What JSON can hold and neither UTF-8 nor Postgres can."""


async def test_an_answer_that_no_table_can_hold_is_booked_without_what_it_cannot(
    scripted_bench: Bench, provider: StatusServer
):
    step = await scripted_bench.step()
    provider.creates, provider.replies["resp_1"] = [says("queued")], [completed(ODD)]
    assert (await scripted_bench.respond(step)).text == "before?after"
    assert [each.state for each in await scripted_bench.submits(step)] == [State.EFFECTIVE]


@pytest.mark.parametrize(
    "ended",
    [
        response("completed", {"type": "refusal", "refusal": ODD}),
        response("failed", error={"code": "invalid_prompt", "message": ODD}),
        response("incomplete", incomplete_details={"reason": ODD}),
    ],
    ids=["refused", "failed", "incomplete"],
)
def test_a_reason_that_no_table_can_hold_is_told_without_what_it_cannot(ended: Response):
    error = judge(ended).error
    assert error
    assert "before?after" in error.detail
