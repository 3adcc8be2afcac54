"""Why a job does not move: what a job's events and `waiting_for` tell of submits that failed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from jobs.errors import (
    JobError,
    ProviderQuotaExhausted,
    ResponseStuck,
    SubmitUncertain,
    TriesExhausted,
)
from jobs.options import JobOptions
from jobs.polling import Ceilings
from jobs.requests import StepRequest
from jobs.status import JobStatus
from jobs.values import JobId
from tests.activities.bench import MODEL, TEXT, Bench, benched, created, scripted
from tests.installation import Installation, eventually
from tests.workflows.looking import agreed, events_of

QUOTA = "You exceeded your current quota"


async def tries(house: Installation, job_id: JobId) -> list[dict[str, Any]]:
    """Return what was told of further tries, having made sure that no number is missing."""
    told = await events_of(house, job_id)
    assert [each.seq for each in told] == list(range(1, len(told) + 1))
    assert (await house.job(job_id)).last_seq == len(told)
    return [each.data for each in told if each.type == "retrying"]


async def told_of(bench: Bench, step: StepRequest) -> list[dict[str, Any]]:
    return await tries(bench.house, step.job.job_id)


async def waiting_for(bench: Bench, step: StepRequest) -> str | None:
    return (await bench.house.job(step.job.job_id)).waiting_for


async def fails(bench: Bench, step: StepRequest, error: type[JobError]) -> None:
    with pytest.raises(error):
        await bench.respond(step)


async def scripts(bench: Bench, *each: dict[str, Any]) -> None:
    rules = [{"script": script, "times": 1} for script in each]
    assert (await bench.house.emulator.post("/script", json={"rules": rules})).is_success


async def test_a_job_says_that_the_quota_is_exhausted_while_it_waits(house: Installation):
    job_id = await house.submit("summarize_text", {"text": scripted(fault="quota")})
    row = await eventually(lambda: house.job(job_id), lambda row: row.waiting_for)
    assert row.status is JobStatus.RUNNING
    assert row.waiting_for == "another try of step 1: provider_quota_exhausted"

    [told] = await tries(house, job_id)
    assert QUOTA in told.pop("message")
    assert told == {
        "step": "1",
        "submit": 1,
        "code": "provider_quota_exhausted",
        "retry_after_seconds": 300,
    }
    await house.client.get_workflow_handle(str(job_id)).cancel()
    row = await agreed(house, job_id)
    assert (row.status, row.waiting_for) == (JobStatus.CANCELED, None)


@pytest.mark.parametrize(
    ("script", "code", "pause"),
    [
        ({"fault": "rate_limited", "retry_after_seconds": 0.2}, "provider_rate_limited", 0.2),
        ({"fault": "overloaded"}, "provider_overloaded", 1),
        ({"fault": "server_error"}, "submit_uncertain", 1),
        ({"fault": "drop_after"}, "submit_uncertain", 1),
        ({"outcome": "failed", "error_code": "server_error"}, "response_failed_transiently", 1),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) else "",
)
async def test_a_job_that_got_over_a_trouble_tells_of_it_once(
    house: Installation, script: dict[str, Any], code: str, pause: float
):
    rules = [{"script": script, "times": 1}]
    assert (await house.emulator.post("/script", json={"rules": rules})).is_success
    job_id = await house.submit("summarize_text", {"text": TEXT}, JobOptions(model=MODEL))
    row = await agreed(house, job_id)
    assert (row.status, row.retry_count, row.waiting_for) == (JobStatus.SUCCEEDED, 1, None)
    [told] = await tries(house, job_id)
    assert told.pop("message")
    assert told == {"step": "1", "submit": 1, "code": code, "retry_after_seconds": pause}


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ({"fault": "bad_request"}, {}),
        ({"outcome": "refusal"}, {}),
        ({"outcome": "failed", "error_code": "invalid_prompt"}, {}),
        ({"fault": "overloaded"}, {"max_tries": 1}),
        ({"fault": "drop_before"}, {"max_tries": 1}),
        ({"outcome": "failed"}, {"max_tries": 1}),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) else "",
)
async def test_a_failure_for_good_tells_of_no_other_try(
    house: Installation, script: dict[str, Any], options: dict[str, Any]
):
    chosen = JobOptions(model=MODEL, **options)
    job_id = await house.submit("summarize_text", {"text": scripted(**script)}, chosen)
    row = await agreed(house, job_id)
    assert (row.status, row.waiting_for) == (JobStatus.FAILED, None)
    assert await tries(house, job_id) == []


async def test_a_parked_step_tells_of_no_other_try_until_it_is_released(bench: Bench):
    step = await bench.step(scripted(fault="drop_before", fault_times=9), on_uncertain="park")
    await fails(bench, step, SubmitUncertain)
    assert (await told_of(bench, step), await waiting_for(bench, step)) == ([], None)
    # Released, it parks again when the next reply is lost.
    await fails(bench, step.model_copy(update={"retry_of": 1}), SubmitUncertain)
    assert await told_of(bench, step) == []


async def test_the_next_submit_is_waited_for_no_more_and_the_last_one_tells_of_none(bench: Bench):
    step = await bench.step(max_tries=3)
    await scripts(bench, {"fault": "quota"}, {"fault": "overloaded"}, {"fault": "rate_limited"})
    await fails(bench, step, ProviderQuotaExhausted)
    assert await waiting_for(bench, step) == "another try of step 1: provider_quota_exhausted"
    await bench.open_intent(step, 2)
    assert await waiting_for(bench, step) is None
    await fails(bench, step, JobError)  # submit 2 is given up, submit 3 refused
    with pytest.raises(TriesExhausted):
        await bench.respond(step)
    told = await told_of(bench, step)
    assert [(each["submit"], each["code"], each["retry_after_seconds"]) for each in told] == [
        (1, "provider_quota_exhausted", 300),
        (2, "submit_uncertain", 0),
    ]


async def test_one_steps_next_submit_leaves_alone_what_is_said_of_another(bench: Bench):
    one = await bench.step(step_key="1")
    ten = one.model_copy(update={"step_key": "10"})
    await scripts(bench, {"fault": "overloaded"}, {"fault": "quota"})
    for step in (ten, one):
        await fails(bench, step, JobError)
    assert len(await told_of(bench, one)) == 2
    await bench.open_intent(one, 2)
    assert await waiting_for(bench, one) == "another try of step 10: provider_overloaded"
    await bench.open_intent(ten, 2)
    assert await waiting_for(bench, one) is None


async def test_a_signal_that_is_waited_for_matters_more(bench: Bench):
    step = await bench.step(scripted(fault="quota"))
    asked = "approval: The plan"
    await bench.house.db.execute(
        "UPDATE jobs SET waiting_for = $2 WHERE id = $1", step.job.job_id, asked
    )
    await fails(bench, step, ProviderQuotaExhausted)
    assert (len(await told_of(bench, step)), await waiting_for(bench, step)) == (1, asked)
    await bench.open_intent(step, 2)
    assert await waiting_for(bench, step) == asked


@pytest.mark.parametrize("is_stopping", [True, False], ids=["worker-stops", "job-canceled"])
async def test_only_a_worker_that_stops_cuts_a_submit_off_for_another_try(
    own: Installation, is_stopping: bool
):
    async with benched(own, own.environment["OPENAI_BASE_URL"], background=False) as bench:
        step = await bench.step(scripted(outcome="stuck"))
        environment = ActivityEnvironment()
        attempt = asyncio.ensure_future(environment.run(bench.deeds.responses.respond, step))
        await created(own)
        if is_stopping:
            environment.worker_shutdown()
        environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        told = [(each["submit"], each["code"]) for each in await told_of(bench, step)]
    assert told == ([(1, "submit_uncertain")] if is_stopping else [])


async def test_a_response_that_is_stuck_is_told_of_when_it_is_given_up(bench: Bench):
    ceilings = Ceilings(queued=timedelta(days=1), running=timedelta(0))
    text = scripted(queued_seconds=0, outcome="stuck")
    step = await bench.step(text, ceilings=ceilings, max_tries=2)
    for _ in range(2):
        await fails(bench, step, ResponseStuck)
    [told] = await told_of(bench, step)
    assert (told["submit"], told["code"]) == (1, "response_stuck")
