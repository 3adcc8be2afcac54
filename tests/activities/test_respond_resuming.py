"""What an attempt finds when the one before it died, and what it makes of it."""

import asyncio
import dataclasses
from typing import Any

import pytest

from activities.pulse import Pulse
from jobs.errors import (
    DocumentNotFound,
    JobCanceled,
    ProviderQuotaExhausted,
    ResponseExpired,
    ResponseFailedTransiently,
    ResponseRefused,
    ServiceUnavailable,
    StepTakenOver,
    TriesExhausted,
)
from jobs.options import JobOptions
from jobs.requests import ResponseRequest, StepRequest, StoredText
from jobs.status import JobStatus
from storage import job_moves, responses
from storage.database import Database
from storage.responses import State, Submit
from tests.activities.bench import MODEL, TEXT, Bench, created, scripted
from tests.activities.lost import posted
from tests.installation import TENANT, Installation, serving


async def ledger(bench: Bench, step: StepRequest) -> list[str]:
    return [each.state.value for each in await bench.submits(step)]


async def creates_by_http(bench: Bench) -> int:
    calls: dict[str, int] = (await bench.house.emulator.get("/calls")).json()
    return calls.get("POST /v1/responses", 0)


async def test_an_intent_without_an_id_is_uncertain_and_submitted_again(bench: Bench):
    step = await bench.step()
    await bench.open_intent(step)

    outcome = await bench.respond(step)
    assert await ledger(bench, step) == ["uncertain", "effective"]
    assert [each["id"] for each in await bench.house.created()] == [outcome.response_id]
    assert (await bench.house.job(step.job.job_id)).retry_count == 1


async def test_a_submit_with_an_id_is_waited_for_and_never_repeated(bench: Bench):
    step = await bench.step(scripted(run_seconds=0.3))
    left = await bench.submit(step)

    outcome = await bench.respond(step)
    assert outcome.response_id == left.response_id
    assert await ledger(bench, step) == ["effective"]
    assert await creates_by_http(bench) == 1


async def test_a_settled_step_is_answered_from_the_ledger_alone(bench: Bench):
    step = await bench.step()
    first = await bench.respond(step)
    await bench.house.emulator.post("/reset")

    assert await bench.respond(step) == first
    assert (await bench.house.emulator.get("/calls")).json() == {}
    assert (await bench.house.job(step.job.job_id)).cost == first.cost


async def test_an_id_that_was_heartbeated_but_not_stored_is_adopted(bench: Bench):
    step = await bench.step()
    intent = await bench.open_intent(step)
    made = await posted(bench, step, text=TEXT)

    pulse = Pulse(submit_number=intent.number, response_id=made)
    assert (await bench.respond(step, pulse)).response_id == made
    assert await ledger(bench, step) == ["effective"]
    assert await creates_by_http(bench) == 1


async def test_a_heartbeat_about_an_earlier_submit_is_not_adopted(bench: Bench):
    step = await bench.step()
    await bench.open_intent(step)

    await bench.respond(step, Pulse(submit_number=7, response_id="resp_of_another_submit"))
    assert await ledger(bench, step) == ["uncertain", "effective"]


async def test_an_adopted_response_of_a_canceled_job_is_canceled(bench: Bench):
    step = await bench.step(scripted(outcome="stuck"))
    intent = await bench.open_intent(step)
    made = await posted(bench, step)
    await job_moves.request_cancel(bench.house.db, TENANT, step.job.job_id, by="t", reason=None)

    with pytest.raises(JobCanceled):
        await bench.respond(step, Pulse(submit_number=1, response_id=made))
    assert await ledger(bench, step) == ["canceled"]
    [found] = await bench.house.created()
    assert found["cancelled_at"]
    assert intent.response_id is None


class Forgetful(Database):
    """A Postgres that is away just when an id should be stored, and for the next attempt."""

    def __init__(self, database: Database, refusals: list[str]) -> None:
        super().__init__(database._pool)
        self.refusals = refusals

    def _refuse(self, query: str) -> None:
        if self.refusals and self.refusals[0] in query:
            self.refusals.pop(0)
            raise ServiceUnavailable("Postgres does not answer: told so by the test")

    async def fetch(self, query: str, *args: object) -> list[Any]:
        self._refuse(query)
        return await super().fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> Any:
        self._refuse(query)
        return await super().fetchrow(query, *args)


async def test_an_id_survives_in_the_heartbeat_until_postgres_is_back(bare: Installation):
    away = Forgetful(bare.db, ["WITH stored", "FROM responses"])
    async with serving(dataclasses.replace(bare, db=away)):
        job_id = await bare.submit("summarize_text", {"text": TEXT}, JobOptions(model=MODEL))
        row = await bare.ended(job_id)
    assert away.refusals == []
    assert (row.status, row.retry_count) == (JobStatus.SUCCEEDED, 0)
    assert [each.state for each in await bare.submits(job_id)] == [State.EFFECTIVE]
    assert len(await bare.created()) == 1


FULL_ONCE = """
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    -- A sequence outlives the transaction that is refused.
    IF nextval('refusals') = 1 THEN
        RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER full_once BEFORE UPDATE ON responses FOR EACH ROW
    WHEN (OLD.response_id IS NULL AND NEW.response_id IS NOT NULL)
    EXECUTE FUNCTION refuse_once()
"""


async def test_an_id_that_a_full_postgres_refused_is_not_paid_for_again(house: Installation):
    await house.db.execute(FULL_ONCE)
    job_id = await house.submit("summarize_text", {"text": TEXT}, JobOptions(model=MODEL))
    row = await house.ended(job_id)
    assert await house.db.fetchval("SELECT last_value FROM refusals") > 1
    assert (row.status, row.retry_count) == (JobStatus.SUCCEEDED, 0)
    assert len(await house.created()) == 1


async def test_a_late_reply_of_an_attempt_given_up_is_canceled_and_the_new_answer_used(
    bench: Bench,
):
    step = await bench.step(scripted(fault="slow_reply", reply_delay_seconds=1, run_seconds=1.2))
    late = asyncio.create_task(bench.respond(step))
    await created(bench.house)

    outcome = await bench.respond(step)
    with pytest.raises(StepTakenOver):
        await late
    first, second = await bench.submits(step)
    assert (first.state, second.state) == (State.CANCELED, State.EFFECTIVE)
    assert outcome.response_id == second.response_id
    cancels = {each["id"]: each["cancelled_at"] for each in await bench.house.created()}
    assert [bool(cancels[each.response_id or ""]) for each in (first, second)] == [True, False]
    assert (await bench.house.job(step.job.job_id)).cost.responses == 2


async def test_two_attempts_that_wait_for_one_response_agree(bench: Bench):
    step = await bench.step(scripted(run_seconds=0.3))
    await bench.submit(step)
    one, other = await asyncio.gather(bench.respond(step), bench.respond(step))
    assert one == other
    assert (await bench.house.job(step.job.job_id)).cost.responses == 1


async def test_two_attempts_that_see_one_response_fail_both_say_that_it_failed(bench: Bench):
    step = await bench.step(scripted(outcome="failed", run_seconds=0.3))
    await bench.submit(step)
    ends = await asyncio.gather(bench.respond(step), bench.respond(step), return_exceptions=True)
    assert [type(each) for each in ends] == [ResponseFailedTransiently] * 2
    assert await ledger(bench, step) == ["failed"]


async def test_two_attempts_never_open_one_submit_twice(bench: Bench):
    step = await bench.step()
    opened = await asyncio.gather(_taken(bench, step), _taken(bench, step))
    assert [each.number for each in opened if each] == [1]
    await bench.open_intent(step, number=2)
    assert await _taken(bench, step, number=2) is None
    assert (await bench.house.job(step.job.job_id)).retry_count == 1
    with pytest.raises(StepTakenOver):
        await bench.deeds.responses.submitter._intend(step, 2)


async def _taken(bench: Bench, step: StepRequest, number: int = 1) -> Submit | None:
    return await responses.open_intent(
        bench.house.db, step.job, step.step_key, number, model=MODEL, fingerprint="f"
    )


async def test_a_refusal_booked_by_an_attempt_that_died_is_not_paid_for_again(bench: Bench):
    step = await bench.step(scripted(outcome="refusal"))
    for _ in range(2):
        with pytest.raises(ResponseRefused):
            await bench.respond(step)
    await bench.run(bench.deeds.responses.submit_response, step)
    assert await ledger(bench, step) == ["failed"]
    assert await creates_by_http(bench) == 1


async def test_an_exhausted_quota_pauses_for_minutes_and_nothing_was_paid(bench: Bench):
    step = await bench.step(scripted(fault="quota"))
    with pytest.raises(ProviderQuotaExhausted) as caught:
        await bench.respond(step)
    assert caught.value.retry_after_seconds == 300
    assert caught.value.__cause__ is not caught.value
    assert await ledger(bench, step) == ["rejected"]
    assert (await bench.house.job(step.job.job_id)).cost.responses == 0


async def test_the_pause_doubles_from_try_to_try(bench: Bench):
    step = await bench.step(scripted(fault="server_error", fault_times=9), max_tries=3)
    pauses = []
    for _ in range(3):
        with pytest.raises(Exception, match="error") as caught:
            await bench.respond(step)
        pauses.append(getattr(caught.value, "retry_after_seconds", None))
    assert pauses == [1, 2, 4]
    with pytest.raises(TriesExhausted, match="submit_uncertain"):
        await bench.respond(step)


async def test_a_text_that_cannot_be_fetched_leaves_no_intent(bench: Bench):
    missing = StoredText(key=f"{TENANT}/texts/aa/aa", characters=2)
    step = await bench.step(request=ResponseRequest(input=(missing,)))
    with pytest.raises(DocumentNotFound):
        await bench.respond(step)
    assert await bench.submits(step) == []


@pytest.mark.parametrize("ending", ["canceled", "ended"])
async def test_nothing_is_submitted_for_a_job_nobody_waits_for(bench: Bench, ending: str):
    step = await bench.step()
    if ending == "canceled":
        await job_moves.request_cancel(bench.house.db, TENANT, step.job.job_id, by="t", reason=None)
    else:
        await bench.end(step)
    with pytest.raises(JobCanceled):
        await bench.respond(step)
    assert await bench.submits(step) == []
    assert await creates_by_http(bench) == 0


async def test_a_response_deleted_at_the_provider_has_expired(bench: Bench):
    step = await bench.step(scripted(outcome="stuck"))
    left = await bench.submit(step)
    sdk = bench.deeds.responses.submitter.provider._client
    await sdk.responses.delete(left.response_id or "")
    await bench.age(step, "submitted_at", 16)
    with pytest.raises(ResponseExpired):
        await bench.respond(step)
    [row] = await bench.submits(step)
    assert (row.state, row.error_code) == (State.FAILED, "response_expired")
