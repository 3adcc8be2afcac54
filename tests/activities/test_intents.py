"""A cancel that lands on an intent: either its POST follows, or there is no intent."""

import asyncio
import dataclasses

import pytest

from jobs.errors import JobCanceled
from jobs.requests import CancelRequest, StepRequest
from storage import job_moves
from storage.responses import State
from tests.activities.bench import Bench, benched, scripted
from tests.activities.lost import ledger_says
from tests.activities.moody import INTENT, Moody
from tests.installation import TENANT, Installation

STUCK = scripted(outcome="stuck")


async def canceled_on_the_intent(bench: Bench, moody: Moody, step: StepRequest) -> None:
    """Cancel an attempt while the statement is held up that writes its intent."""
    attempt = asyncio.create_task(bench.respond(step))
    await moody.held.wait()
    attempt.cancel()
    moody.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await attempt


@pytest.mark.parametrize("is_committed", [True, False])
async def test_an_intent_that_a_cancel_lands_on_is_followed_by_its_post(
    shaky: Bench, moody: Moody, is_committed: bool
):
    moody.slow, moody.is_held_after = INTENT, is_committed
    step = await shaky.step(STUCK)
    await canceled_on_the_intent(shaky, moody, step)
    [row], [made] = await shaky.submits(step), await shaky.house.created()
    assert (row.state, row.response_id) == (State.OPEN, made["id"])


async def test_an_intent_that_is_refused_because_of_a_cancel_is_not_followed_by_a_post(
    shaky: Bench, moody: Moody
):
    moody.slow = INTENT
    step = await shaky.step(STUCK)
    attempt = asyncio.create_task(shaky.respond(step))
    await moody.held.wait()
    job = step.job
    await job_moves.request_cancel(shaky.house.db, TENANT, job.job_id, by="t", reason=None)
    attempt.cancel()
    moody.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert (await shaky.submits(step), await shaky.house.created()) == ([], [])


async def test_an_intent_that_comes_when_the_work_has_ended_is_refused(shaky: Bench, moody: Moody):
    moody.slow = INTENT
    step = await shaky.step(STUCK)
    attempt = asyncio.create_task(shaky.respond(step))
    await moody.held.wait()
    # Another step of the job has failed: nothing of this one is open, so the job ends.
    request = CancelRequest(job=step.job, reason="failed", job_too=False)
    await shaky.run(shaky.deeds.responses.cancel_responses, request)
    moody.go_on.set()
    with pytest.raises(JobCanceled):
        await attempt
    assert (await shaky.submits(step), await shaky.house.created()) == ([], [])


async def test_an_intent_on_a_synchronous_server_that_a_cancel_lands_on_does_not_stay_open(
    own: Installation, moody: Moody
):
    moody.slow, moody.is_held_after = INTENT, True
    house = dataclasses.replace(own, db=moody)
    async with benched(house, own.environment["OPENAI_BASE_URL"], background=False) as bench:
        step = await bench.step(scripted(run_seconds=60))
        await canceled_on_the_intent(bench, moody, step)
        await ledger_says(bench, step, "uncertain")
