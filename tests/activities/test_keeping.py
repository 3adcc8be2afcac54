"""An id that Postgres would not take is stored when it is back, whatever became of the step."""

import asyncio
import dataclasses
import logging
from typing import Any

import asyncpg
import pytest

from activities.pulse import Pulse
from jobs.errors import ServiceUnavailable
from jobs.options import JobOptions
from jobs.requests import CancelRequest, StepRequest
from jobs.status import JobStatus
from storage import executions, job_moves, responses
from storage.database import Database
from storage.responses import State, Submit
from tests.activities.bench import MODEL, Bench, benched, created, scripted, states, still_open
from tests.activities.lost import complete, ledger_says, posted
from tests.activities.moody import STORING, Moody
from tests.installation import TENANT, Installation, eventually, serving

STUCK = scripted(outcome="stuck")
SLOW = scripted(outcome="stuck", fault="slow_reply", reply_delay_seconds=0.5)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.keeping.LONGEST_PAUSE_SECONDS", 0.1)


async def cancel(bench: Bench, step: StepRequest) -> None:
    """Cancel a job as its workflow does, when Postgres has been away for long."""
    await bench.age(step, "intent_at", 100)
    request = CancelRequest(job=step.job, reason="enough", job_too=True)
    await bench.run(bench.deeds.responses.cancel_responses, request)


async def canceled_at_the_provider(bench: Bench) -> None:
    [made] = await bench.house.created()
    assert made["cancelled_at"]
    assert await still_open(bench.house) == []


async def cut_off(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def unstored(bench: Bench, moody: Moody, text: str = STUCK, **more: Any) -> StepRequest:
    """Make an attempt at a step whose id is refused, and leave Postgres away."""
    moody.refusals = 10**6
    step = await bench.step(text, **more)
    with pytest.raises(ServiceUnavailable):
        await bench.respond(step)
    return step


async def kept_no_longer(bench: Bench, submit: Submit) -> None:
    keeper = bench.deeds.responses.submitter.keeper

    async def kept() -> str | None:
        return keeper.id_of(submit)

    await eventually(kept, lambda name: name is None)


async def test_a_response_that_outlived_its_canceled_job_nameless_is_canceled_once_it_is_named(
    shaky: Bench, moody: Moody
):
    step = await unstored(shaky, moody)
    await cancel(shaky, step)
    await ledger_says(shaky, step, "uncertain")
    moody.refusals = 0
    await ledger_says(shaky, step, "canceled")
    await canceled_at_the_provider(shaky)
    assert (await shaky.house.job(step.job.job_id)).cost.responses == 1


async def test_a_postgres_that_refuses_everybody_on_its_way_back_is_asked_again(
    shaky: Bench, moody: Moody
):
    moody.refusal = asyncpg.InvalidPasswordError("the roles are not there yet")
    step = await unstored(shaky, moody)
    await moody.refused_again()
    moody.refusals = 0
    [submit] = await shaky.submits(step)
    await kept_no_longer(shaky, submit)
    [stored] = await shaky.submits(step)
    assert (stored.state, bool(stored.response_id)) == (State.OPEN, True)


async def test_a_job_canceled_between_two_attempts_leaves_nothing_open_at_the_provider(
    bare: Installation,
):
    moody = Moody(bare.db)
    moody.refusals = 10**6
    async with serving(dataclasses.replace(bare, db=moody)):
        options = JobOptions(model=MODEL)
        job_id = await bare.submit("summarize_text", {"text": STUCK}, options)
        await moody.refused_again()
        await bare.db.execute(
            "UPDATE responses SET intent_at = now() - interval '100 s' WHERE job_id = $1", job_id
        )
        await job_moves.request_cancel(bare.db, TENANT, job_id, by="t", reason=None)
        await executions.ask_to_cancel(bare.client, job_id, "enough")
        assert (await bare.ended(job_id)).status is JobStatus.CANCELED
        assert await states(bare, job_id) == ["uncertain"]
        moody.refusals = 0
        await eventually(lambda: states(bare, job_id), lambda found: found == ["canceled"])
    assert await still_open(bare) == []


async def test_an_id_that_comes_after_the_cancel_is_stored_though_postgres_was_away(
    shaky: Bench, moody: Moody
):
    moody.refusals = 10**6
    step = await shaky.step(SLOW)
    attempt = asyncio.create_task(shaky.respond(step))
    await created(shaky.house)
    job = step.job
    await job_moves.request_cancel(shaky.house.db, TENANT, job.job_id, by="t", reason=None)
    await cut_off(attempt)
    moody.refusals = 0
    await ledger_says(shaky, step, "canceled")
    await canceled_at_the_provider(shaky)


async def test_an_id_that_comes_while_the_worker_stops_is_in_the_heartbeat_too(
    shaky: Bench, moody: Moody, monkeypatch: pytest.MonkeyPatch
):
    said: list[Pulse] = []
    monkeypatch.setattr("temporalio.activity.heartbeat", said.append)
    moody.refusals = 10**6
    step = await shaky.step(SLOW)
    attempt = asyncio.create_task(shaky.respond(step))
    [made] = await created(shaky.house)
    await cut_off(attempt)
    assert said == [Pulse(submit_number=1, response_id=made["id"])]
    moody.refusals = 0


async def test_a_cancel_does_not_keep_a_heartbeated_id_from_being_stored(
    shaky: Bench, moody: Moody
):
    step = await shaky.step(STUCK)
    await shaky.open_intent(step)
    name = await posted(shaky, step)
    moody.slow = STORING
    attempt = asyncio.create_task(shaky.respond(step, Pulse(submit_number=1, response_id=name)))
    await moody.held.wait()
    attempt.cancel()
    moody.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    [row] = await shaky.submits(step)
    assert row.response_id == name


async def test_a_heartbeated_id_that_cannot_be_stored_either_is_kept(shaky: Bench, moody: Moody):
    step = await shaky.step(STUCK)
    await shaky.open_intent(step)
    name = await posted(shaky, step)
    moody.refusals = 10**6
    with pytest.raises(ServiceUnavailable):
        await shaky.respond(step, Pulse(submit_number=1, response_id=name))
    await cancel(shaky, step)
    moody.refusals = 0
    await ledger_says(shaky, step, "canceled")
    await canceled_at_the_provider(shaky)


@pytest.mark.parametrize("is_told", [True, False], ids=["heartbeat", "no heartbeat"])
async def test_the_next_attempt_waits_for_the_response_that_is_kept(
    shaky: Bench, moody: Moody, is_told: bool
):
    step = await unstored(shaky, moody, scripted(run_seconds=0.3))
    [made] = await shaky.house.created()
    pulse = Pulse(submit_number=1, response_id=made["id"]) if is_told else None
    with pytest.raises(ServiceUnavailable):
        await shaky.respond(step, pulse)
    moody.refusals = 0
    assert (await shaky.respond(step, pulse)).response_id == made["id"]
    await ledger_says(shaky, step, "effective")
    assert len(await shaky.house.created()) == 1
    assert (await shaky.house.job(step.job.job_id)).cost.responses == 1


async def test_an_id_that_was_stored_by_itself_changes_nothing_for_the_next_attempt(
    shaky: Bench, moody: Moody
):
    step = await unstored(shaky, moody, scripted(run_seconds=0.3))
    moody.refusals = 0
    [made] = await shaky.house.created()
    await eventually(lambda: shaky.submits(step), lambda rows: rows[0].response_id == made["id"])
    outcome = await shaky.respond(step, Pulse(submit_number=1, response_id=made["id"]))
    assert outcome.response_id == made["id"]
    assert (await shaky.house.job(step.job.job_id)).cost.responses == 1


async def test_an_id_that_was_booked_meanwhile_is_kept_no_longer(shaky: Bench, moody: Moody):
    step = await unstored(shaky, moody)
    [left], [made] = await shaky.submits(step), await shaky.house.created()
    elsewhere = Database(moody._pool)
    await responses.store_response_id(elsewhere, left, made["id"], None)
    await complete(shaky.house, made["id"])
    moody.refusals = 0
    assert (await shaky.respond(step)).response_id == made["id"]
    await kept_no_longer(shaky, left)
    await ledger_says(shaky, step, "effective")


async def test_a_kept_response_that_was_submitted_again_elsewhere_is_canceled(
    own: Installation, shaky: Bench, moody: Moody
):
    step = await unstored(shaky, moody)
    [first] = await shaky.house.created()
    async with benched(own, own.environment["OPENAI_BASE_URL"]) as other:
        again = asyncio.create_task(other.respond(step))
        _, second = await created(own, 2)
        await ledger_says(other, step, "uncertain", "open")
        moody.refusals = 0
        await ledger_says(other, step, "canceled", "open")
        await complete(own, second["id"])
        assert (await again).response_id == second["id"]
    assert (await own.job(step.job.job_id)).cost.responses == 2
    assert [each["id"] for each in await own.created() if each["cancelled_at"]] == [first["id"]]


async def test_a_parked_step_is_told_of_its_kept_response(
    shaky: Bench, moody: Moody, monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []

    async def signal(_: object, job_id: object, name: str, decision: Any) -> bool:
        told.append(f"{job_id} {name} {decision.response_id}")
        return True

    monkeypatch.setattr("storage.executions.signal", signal)
    step = await unstored(shaky, moody, on_uncertain="park")
    [left], [made] = await shaky.submits(step), await shaky.house.created()
    await shaky.deeds.responses.submitter.give_up(step, left)
    moody.refusals = 0
    await ledger_says(shaky, step, "open")

    async def heard() -> list[str]:
        return told

    assert await eventually(heard) == [f"{step.job.job_id} adopt {made['id']}"]


async def test_a_kept_response_that_cannot_be_canceled_yet_is_canceled_later(
    shaky: Bench, moody: Moody
):
    text = scripted(outcome="stuck", cancel_fault="overloaded", fault_times=2)
    step = await unstored(shaky, moody, text)
    await cancel(shaky, step)
    moody.refusals = 0
    await ledger_says(shaky, step, "canceled")
    await canceled_at_the_provider(shaky)


async def test_an_id_whose_job_was_erased_is_kept_no_longer(shaky: Bench, moody: Moody):
    step = await unstored(shaky, moody)
    [left] = await shaky.submits(step)
    await shaky.house.db.execute("DELETE FROM jobs WHERE id = $1", step.job.job_id)
    await kept_no_longer(shaky, left)


async def test_a_worker_that_stops_goes_on_storing_for_a_while(own: Installation, moody: Moody):
    async with benched(
        dataclasses.replace(own, db=moody), own.environment["OPENAI_BASE_URL"]
    ) as bench:
        step = await unstored(bench, moody)
        moody.refusals = 3
    [row], [made] = await bench.submits(step), await own.created()
    assert (row.state, row.response_id) == (State.OPEN, made["id"])


async def test_a_worker_that_stops_while_postgres_is_away_names_what_it_could_not_store(
    own: Installation,
    moody: Moody,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr("activities.keeping.LAST_SECONDS", 0.05)
    house = dataclasses.replace(own, db=moody)
    async with benched(house, own.environment["OPENAI_BASE_URL"]) as bench:
        step = await unstored(bench, moody)
        [left] = await bench.submits(step)
    keeper = bench.deeds.responses.submitter.keeper
    assert keeper.id_of(left) is None
    keeper.keep(left, "resp_too_late", None)
    assert keeper.id_of(left) is None
    [made] = await own.created()
    wanted = [f"response {name}, submit 1" for name in (made["id"], "resp_too_late")]
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert [name in line for name, line in zip(wanted, errors, strict=True)] == [True, True]
