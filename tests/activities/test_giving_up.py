"""Ceilings and endings: when a response is given up, and what each ending means for its step."""

from datetime import timedelta

import pytest

from activities.verdicts import judge
from jobs.errors import (
    ProviderFailure,
    ResponseExpired,
    ResponseIncomplete,
    ResponseRefused,
    ResponseStuck,
    ResponseStuckQueued,
    ResponseTruncated,
    TriesExhausted,
)
from jobs.options import ResponseOptions
from jobs.polling import Ceilings
from jobs.requests import ResponseRequest, StepRequest, TextPart
from storage.responses import State
from tests.activities.bench import MODEL, Bench, scripted
from tests.activities.lost import Brisk, ledger_says
from tests.activities.status_server import Reply, StatusServer, completed, says

DAY, NOW = timedelta(days=1), timedelta(0)
QUEUED = scripted(queued_seconds=1000)
RUNNING = scripted(queued_seconds=0, outcome="stuck")


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.responses.PollSchedule", Brisk)
    monkeypatch.setattr("activities.releasing.STOPPING_SECONDS", 0.05)


@pytest.mark.parametrize(
    ("text", "ceilings", "stuck"),
    [
        (QUEUED, Ceilings(queued=NOW, running=DAY), ResponseStuckQueued),
        (RUNNING, Ceilings(queued=DAY, running=NOW), ResponseStuck),
    ],
    ids=["queued", "running"],
)
async def test_a_stuck_response_is_canceled_and_submitted_again_so_often(
    bench: Bench, text: str, ceilings: Ceilings, stuck: type[ProviderFailure]
):
    step = await bench.step(text, ceilings=ceilings, max_tries=2)
    for number in (1, 2):
        with pytest.raises(stuck) as caught:
            await bench.respond(step)
        assert (caught.value.retryable, caught.value.retry_after_seconds) == (True, number)
    with pytest.raises(TriesExhausted, match=stuck.code):
        await bench.respond(step)
    await ledger_says(bench, step, "failed", "failed")
    made = await bench.house.created()
    assert [each["status"] for each in made] == ["cancelled"] * 2
    assert (await bench.house.job(step.job.job_id)).cost.responses == 2


async def test_a_running_response_is_not_stuck_in_the_queue(bench: Bench):
    text = scripted(queued_seconds=0, run_seconds=0.3)
    step = await bench.step(text, ceilings=Ceilings(queued=NOW, running=DAY))
    await bench.respond(step)


async def test_silence_is_no_reason_to_give_up(scripted_bench: Bench, provider: StatusServer):
    provider.creates = [says("queued")]
    provider.replies["resp_1"] = [Reply("", 500)] * 5 + [completed()]
    step = await scripted_bench.step(ceilings=Ceilings(queued=NOW, running=NOW))
    assert (await scripted_bench.respond(step)).text == "done"


async def test_an_answer_that_comes_in_the_moment_of_giving_up_is_used(
    scripted_bench: Bench, provider: StatusServer
):
    provider.creates, provider.cancels["resp_1"] = [says("queued")], [completed("just in time")]
    provider.replies["resp_1"] = [says("queued")]
    step = await scripted_bench.step(ceilings=Ceilings(queued=NOW, running=DAY))
    assert (await scripted_bench.respond(step)).text == "just in time"
    await ledger_says(scripted_bench, step, "effective")


async def test_what_is_gone_when_it_is_given_up_has_expired(
    scripted_bench: Bench, provider: StatusServer
):
    bench = scripted_bench
    provider.creates, provider.cancels["resp_1"] = [says("queued")], [Reply("{}", 404)]
    provider.replies["resp_1"] = [says("queued")]
    step = await bench.step(ceilings=Ceilings(queued=NOW, running=DAY))
    await bench.submit(step)
    await bench.age(step, "submitted_at", 60)
    with pytest.raises(ResponseExpired):
        await bench.respond(step)
    await ledger_says(bench, step, "failed")


@pytest.mark.parametrize("missing", [400, 404, 409])
async def test_servers_say_in_several_ways_that_a_response_is_gone(
    scripted_bench: Bench, provider: StatusServer, missing: int
):
    bench = scripted_bench
    provider.creates, provider.replies["resp_1"] = [says("queued")], [Reply("{}", missing)]
    provider.deletes["resp_1"] = [Reply("{}", missing)]
    step = await bench.step()
    await bench.submit(step)
    await bench.age(step, "submitted_at", 60)
    with pytest.raises(ResponseExpired):
        await bench.respond(step)
    await bench.deeds.responses.submitter.provider.delete("resp_1")


async def test_a_server_that_answers_at_once_is_understood(
    scripted_bench: Bench, provider: StatusServer
):
    provider.creates = [completed("at once")]
    assert (await scripted_bench.respond(await scripted_bench.step())).text == "at once"
    assert provider.asked == {}


async def asked(bench: Bench, text: str, **options: object) -> StepRequest:
    chosen = ResponseOptions.model_validate({"model": MODEL} | options)
    request = ResponseRequest(input=(TextPart(text=text),), options=chosen)
    return await bench.step(request=request, max_tries=3)


CUT = scripted(outcome="incomplete", output_text="half an answer")


@pytest.mark.parametrize(
    "options",
    [{}, {"on_incomplete": "fail", "max_output_tokens": 100}, {"on_incomplete": "extend"}],
    ids=["by default", "told so", "no limit to extend"],
)
async def test_a_cut_answer_fails(bench: Bench, options: dict[str, object]):
    with pytest.raises(ResponseIncomplete):
        await bench.respond(await asked(bench, CUT, **options))


async def test_a_cut_answer_can_be_accepted(bench: Bench):
    outcome = await bench.respond(await asked(bench, CUT, on_incomplete="accept"))
    assert "half an answer".startswith(outcome.text)
    assert outcome.text


async def test_a_cut_answer_is_asked_for_again_with_twice_the_limit(bench: Bench):
    step = await asked(bench, CUT, on_incomplete="extend", max_output_tokens=100)
    for _ in range(3):
        with pytest.raises(ResponseTruncated) as caught:
            await bench.respond(step)
        assert caught.value.retryable
    with pytest.raises(TriesExhausted, match="response_truncated"):
        await bench.respond(step)
    provider = bench.deeds.responses.submitter.provider
    submits = await ledger_says(bench, step, "failed", "failed", "failed")
    limits = [
        (await provider.retrieve(each.response_id or "")).max_output_tokens for each in submits
    ]
    assert limits == [100, 200, 400]


@pytest.mark.parametrize(
    ("limit", "then"), [(100_000, 128_000), (128_000, 128_000), (500_000, 500_000)]
)
async def test_an_extended_limit_is_bounded_and_never_shrinks(bench: Bench, limit: int, then: int):
    step = await asked(bench, CUT, on_incomplete="extend", max_output_tokens=limit)
    for _ in range(2):
        with pytest.raises(ResponseTruncated):
            await bench.respond(step)
    last = (await bench.submits(step))[-1].response_id or ""
    response = await bench.deeds.responses.submitter.provider.retrieve(last)
    assert response.max_output_tokens == then


@pytest.mark.parametrize("choice", ["fail", "accept", "extend"])
async def test_a_filtered_answer_is_neither_accepted_nor_extended(bench: Bench, choice: str):
    text = scripted(outcome="incomplete", incomplete_reason="content_filter")
    step = await asked(bench, text, on_incomplete=choice, max_output_tokens=100)
    with pytest.raises(ResponseIncomplete, match="content_filter"):
        await bench.respond(step)


async def test_a_refusal_is_final(bench: Bench):
    step = await asked(bench, scripted(outcome="refusal"), on_incomplete="accept")
    with pytest.raises(ResponseRefused):
        await bench.respond(step)


async def test_a_response_that_comes_back_to_life_after_its_cancel_is_booked_once(bench: Bench):
    text = scripted(outcome="cancelled_then_completed", run_seconds=100, revive_seconds=0.1)
    step = await bench.step(text)
    left = await bench.submit(step)
    await bench.deeds.responses.releaser.release(left)
    response = await bench.deeds.responses.submitter.provider.retrieve(left.response_id or "")
    assert await bench.deeds.responses.books.settle(left, response) is None
    await ledger_says(bench, step, "canceled")
    assert judge(response).state in (State.EFFECTIVE, State.CANCELED)
