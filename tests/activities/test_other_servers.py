"""Whole jobs against servers that speak almost like OpenAI: base URL and key are all they need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jobs.errors import SubmitParked, SubmitUncertain
from jobs.options import JobOptions
from jobs.requests import SubmitDecision
from jobs.status import JobStatus
from jobs.values import JobId
from storage import executions, job_moves
from storage.jobs import JobRow
from tests.activities.bench import MODEL, TEXT, benched, created, scripted, states
from tests.installation import TENANT, Installation, eventually, serving

AZURE = {"webhooks": False, "cancel_ended_status": 400}
PROXY = {
    "webhooks": False,
    "rewritten_ids": True,
    "missing_status": 400,
    "cancel_ended_status": 409,
    "usage_details": False,
}
STRICT = PROXY | {"missing_status": 409, "cancel_ended_status": 400}
IGNORING = {"webhooks": False, "background": "ignored", "missing_status": 400}
REFUSING = {"webhooks": False, "background": "refused"}

BACKGROUND = pytest.mark.parametrize(
    "dialect", [AZURE, PROXY, STRICT], ids=["azure", "proxy", "strict proxy"]
)
EVERY = pytest.mark.parametrize(
    ("dialect", "background"),
    [
        pytest.param(AZURE, True, id="azure"),
        pytest.param(PROXY, True, id="proxy"),
        pytest.param(STRICT, True, id="strict proxy"),
        pytest.param(IGNORING, True, id="ignoring"),
        pytest.param(IGNORING, False, id="ignoring, told"),
        pytest.param(REFUSING, False, id="refusing"),
        pytest.param(AZURE, False, id="azure, told"),
    ],
)


@asynccontextmanager
async def spoken(
    house: Installation, dialect: dict[str, Any], **provider: Any
) -> AsyncIterator[None]:
    """Have the emulator speak a dialect, and a worker serve."""
    reply = await house.emulator.post("/settings", json={"dialect": dialect})
    assert reply.status_code == 204
    async with serving(house, **provider):
        yield


async def succeeded(house: Installation, job_id: JobId) -> JobRow:
    row = await house.ended(job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    return row


async def canceled(house: Installation, job_id: JobId) -> JobRow:
    await job_moves.request_cancel(house.db, TENANT, job_id, by="test", reason=None)
    assert await executions.ask_to_cancel(house.client, job_id, "test")
    row = await house.ended(job_id)
    assert row.status is JobStatus.CANCELED
    return row


@EVERY
async def test_a_job_is_done_paid_once_and_booked(
    bare: Installation, dialect: dict[str, Any], background: bool
):
    async with spoken(bare, dialect, background=background):
        text = scripted(queued_seconds=0.1, run_seconds=0.2)
        job_id = await bare.submit("summarize_text", {"text": text}, JobOptions(model=MODEL))
        row = await succeeded(bare, job_id)
    [made], [booked] = await bare.created(), await bare.submits(job_id)
    assert (booked.state.value, booked.response_id) == ("effective", made["id"])
    assert made["background"] is (background and dialect is not IGNORING)
    assert row.cost.usage.output_tokens == made["usage"]["output_tokens"]
    assert row.cost.usd


@EVERY
async def test_a_typed_answer_an_option_and_a_deletion_work_too(
    bare: Installation, dialect: dict[str, Any], background: bool
):
    options = JobOptions(model="our-deployment", delete_after_collect=True, max_output_tokens=900)
    async with spoken(bare, dialect, background=background):
        job_id = await bare.submit("generate_title", {"content": TEXT}, options)
        row = await succeeded(bare, job_id)
    [made] = await bare.created()
    assert (made["model"], made["deleted"]) == ("our-deployment", True)
    assert (row.cost.usd, row.cost.unpriced_responses) == (None, 1)  # nobody knows its price


@BACKGROUND
async def test_a_cancel_reaches_a_running_response(bare: Installation, dialect: dict[str, Any]):
    async with spoken(bare, dialect):
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await created(bare)
        await eventually(lambda: bare.submits(job_id), lambda rows: rows[0].response_id)
        await canceled(bare, job_id)
    [made] = await bare.created()
    assert made["status"] == "cancelled"
    assert await states(bare, job_id) == ["canceled"]


@BACKGROUND
async def test_a_response_that_ended_before_its_cancel_is_booked(
    bare: Installation, dialect: dict[str, Any]
):
    reply = await bare.emulator.post("/settings", json={"dialect": dialect})
    assert reply.status_code == 204
    async with benched(bare, bare.environment["OPENAI_BASE_URL"]) as bench:
        step = await bench.step(scripted(run_seconds=0, queued_seconds=0))
        left = await bench.submit(step)
        await bench.deeds.responses.releaser.release(left)
        [row] = await bench.submits(step)
    assert (row.state.value, row.cost and row.cost.usage.output_tokens != 0) == ("canceled", True)


@BACKGROUND
async def test_a_response_that_is_gone_fails_its_job_with_a_code(
    bare: Installation, dialect: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.releasing.READ_AFTER_WRITE_SECONDS", 0)
    options = JobOptions(model=MODEL, store=False)
    script = {"queued_seconds": 0, "run_seconds": 0.2, "expire_seconds": 0}
    async with spoken(bare, dialect):
        job_id = await bare.submit("summarize_text", {"text": scripted(**script)}, options)
        row = await bare.ended(job_id)
    assert row.failure
    assert row.failure.code == "response_expired"


async def test_a_server_that_refuses_background_is_named_in_the_failure(bare: Installation):
    async with spoken(bare, REFUSING):
        row = await bare.ended(await bare.submit("summarize_text", {"text": TEXT}))
    assert row.failure
    assert row.failure.code == "provider_bad_request"
    assert "background" in row.failure.message


async def test_a_window_is_refused_where_there_is_no_background(bare: Installation):
    async with spoken(bare, REFUSING, background=False):
        ids = [
            await bare.submit("summarize_text", {"text": TEXT}, JobOptions(completion_window=each))
            for each in ("soonest", "8h")
        ]
        rows = [await bare.ended(each) for each in ids]
    assert [row.failure and row.failure.code for row in rows] == [None, "provider_bad_request"]
    assert len(await bare.created()) == 1


async def test_a_trouble_on_a_synchronous_server_costs_one_more_submit(bare: Installation):
    async with spoken(bare, REFUSING, background=False):
        rules = [
            {"script": each, "times": 1}
            for each in ({"fault": "drop_after"}, {"outcome": "failed"}, {"fault": "overloaded"})
        ]
        await bare.emulator.post("/script", json={"rules": rules})
        job_id = await bare.submit("summarize_text", {"text": TEXT}, JobOptions(model=MODEL))
        await succeeded(bare, job_id)
    assert await states(bare, job_id) == ["uncertain", "failed", "rejected", "effective"]


async def test_a_reply_that_takes_too_long_is_uncertain(bare: Installation):
    async with spoken(bare, REFUSING, background=False, synchronous_timeout="PT1S"):
        options = JobOptions(max_tries=1)
        text = scripted(outcome="stuck")
        row = await bare.ended(await bare.submit("summarize_text", {"text": text}, options))
    assert row.failure
    assert row.failure.code == "tries_exhausted"
    assert "submit_uncertain" in row.failure.message


@pytest.mark.prove
@pytest.mark.timeout(120)  # a dead worker is missed after 30 s without a heartbeat
@pytest.mark.parametrize("policy", ["resubmit", "park"])
async def test_a_worker_killed_in_a_synchronous_submit_leaves_it_to_the_policy(
    bare: Installation, policy: str
):
    await bare.emulator.post("/settings", json={"dialect": REFUSING})
    await bare.emulator.post(
        "/script", json={"rules": [{"script": {"outcome": "stuck"}, "times": 1}]}
    )
    bare.environment["OPENAI_BACKGROUND"] = "false"
    process = bare.worker_process()
    await process.start()
    options = JobOptions.model_validate({"model": MODEL, "on_uncertain": policy})
    job_id = await bare.submit("summarize_text", {"text": TEXT}, options)
    await created(bare)
    await process.kill()
    async with serving(bare, background=False):
        if policy == "park":
            await eventually(lambda: bare.job(job_id), lambda row: row.waiting_for)
            assert await states(bare, job_id) == ["uncertain"]
            assert await executions.signal(bare.client, job_id, "retry", SubmitDecision())
        await succeeded(bare, job_id)
    assert await states(bare, job_id) == ["uncertain", "effective"]
    assert len(await bare.created()) == 2


@pytest.mark.parametrize("policy", ["resubmit", "park"])
async def test_a_synchronous_submit_nobody_waits_for_is_left_to_the_policy(
    bare: Installation, policy: str
):
    async with benched(bare, bare.environment["OPENAI_BASE_URL"], background=False) as bench:
        step = await bench.step(on_uncertain=policy)
        await bench.open_intent(step)
        if policy == "park":
            with pytest.raises(SubmitParked):
                await bench.respond(step)
            assert await bare.created() == []
        else:
            await bench.respond(step)
            assert await states(bare, step.job.job_id) == ["uncertain", "effective"]


async def test_a_canceled_job_cuts_its_synchronous_submit_off(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.pulse.SHORTEST_BEAT", 0.1 / 30)
    monkeypatch.setattr("activities.pulse.LONGEST_BEAT", 0.2 / 30)
    async with spoken(bare, REFUSING, background=False):
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await created(bare)
        row = await canceled(bare, job_id)
    [left] = await bare.submits(job_id)
    assert (left.state.value, left.error_code) == ("uncertain", SubmitUncertain.code)
    assert "cut off" in (left.error_message or "")
    assert row.waiting_for is None


async def test_a_dead_worker_does_not_hold_up_a_cancel_for_the_whole_timeout(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.releasing.CUT_WITHIN_SECONDS", 0.2)
    async with benched(bare, bare.environment["OPENAI_BASE_URL"], background=False) as bench:
        step = await bench.step()
        await bench.open_intent(step)
        await bench.deeds.responses.releaser.release_all(step.job)
        assert [each.state.value for each in await bench.submits(step)] == ["uncertain"]


async def test_a_rate_budget_and_a_server_that_keeps_nothing_get_along(bare: Installation):
    """The submit that waited its turn books the answer it was given."""
    async with spoken(bare, REFUSING, background=False, requests_per_minute=60):
        options = JobOptions(model=MODEL, store=False)
        ids = [await bare.submit("summarize_text", {"text": TEXT}, options) for _ in range(8)]
        for each in ids:
            await succeeded(bare, each)
            assert await states(bare, each) == ["effective"]
    calls = (await bare.emulator.get("/calls")).json()
    assert (calls["POST /v1/responses"], calls.get("GET /v1/responses/{response_id}", 0)) == (8, 0)
