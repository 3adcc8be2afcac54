"""Claims about the ledger: every submit is written down before and after, and paid for once."""

import asyncio
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import StepTakenOver
from jobs.money import Cost, Usage, total
from jobs.status import JobStatus
from storage import job_moves, responses
from storage.responses import Settlement, State
from tests.installation import ledger_of
from tests.storage.rows import (
    CANCELED,
    FAILED,
    FEW,
    SUCCEEDED,
    again,
    ending,
    event_types,
    inserted,
    job_id,
    new_tenant,
    ref,
)

USAGE = Usage(input_tokens=10, cached_tokens=4, output_tokens=3, reasoning_tokens=2)
PAID = Settlement(State.EFFECTIVE, USAGE, Decimal("0.01"), output="answer")
UNPRICED = Settlement(State.FAILED, USAGE, None)
REJECTED = Settlement(State.REJECTED, error_code="provider_bad_request", error_message="no")
ENDED = [State.EFFECTIVE, State.FAILED, State.CANCELED, State.WASTED]

tokens = st.integers(0, 10**12)
settlements = st.lists(
    st.just(REJECTED)
    | st.builds(
        Settlement,
        st.sampled_from(ENDED),
        st.none() | st.builds(Usage, **dict.fromkeys(Usage.model_fields, tokens)),
        st.none() | st.decimals(0, 10**6, places=9),
    ),
    max_size=5,
)


async def intent(db, row, number=1, step="step"):
    return await responses.open_intent(db, ref(row), step, number, model="m", fingerprint="f")


async def submitted(db, row, number=1, step="step"):
    """Return an open submit whose response id is known, and that id."""
    submit = await intent(db, row, number, step)
    name = f"resp_{row.id.hex}_{step}_{number}"
    stored, wanted = await responses.store_response_id(db, submit, name, "req")
    return stored, name, wanted


async def state_of(db, submit):
    return next(
        each
        for each in await ledger_of(db, submit.job_id)
        if (each.step_key, each.number) == (submit.step_key, submit.number)
    )


async def cancel(db, row):
    await job_moves.request_cancel(db, row.tenant, row.id, by="x", reason=None)


async def test_an_intent_is_written_and_starts_the_job_at_once(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    assert (submit.state, submit.number, submit.response_id) == (State.OPEN, 1, None)
    found = await again(db, row)
    assert (found.status, found.retry_count) == (JobStatus.RUNNING, 0)
    assert await event_types(db, row) == ["created", "started"]
    assert await responses.open_of(db, ref(row)) == [submit]


async def test_no_intent_after_a_cancel(db, tenant):
    row = await inserted(db, tenant)
    await cancel(db, row)
    before = await again(db, row)
    assert await intent(db, row) is None
    assert await again(db, row) == before


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED, CANCELED])
async def test_no_intent_after_the_end(db, tenant, status):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, status))
    before = await again(db, row)
    assert await intent(db, row) is None
    assert await again(db, row) == before
    assert await ledger_of(db, row.id) == []


async def test_no_intent_once_the_work_has_ended_though_the_job_goes_on(db, tenant):
    row = await inserted(db, tenant)
    await intent(db, row)
    await job_moves.end_work(db, ref(row))
    before = await again(db, row)
    assert before.status is JobStatus.RUNNING
    assert await intent(db, row, 2) is None
    assert await again(db, row) == before


async def test_the_work_of_an_ended_job_ended_with_it(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, FAILED))
    await job_moves.end_work(db, ref(row))
    assert (await again(db, row)).work_ended_at is None


async def test_the_work_of_a_job_ends_once(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.end_work(db, ref(row))
    before = await again(db, row)
    assert before.work_ended_at
    await job_moves.end_work(db, ref(row))
    assert await again(db, row) == before


async def test_one_number_is_opened_by_one_of_many(db, tenant):
    row = await inserted(db, tenant)
    opened = await asyncio.gather(*(intent(db, row) for _ in range(12)))
    assert sum(each is not None for each in opened) == 1


async def test_the_retry_count_counts_submits_beyond_the_first_of_each_step(db, tenant):
    row = await inserted(db, tenant)
    for step, number in (("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 2)):
        assert await intent(db, row, number, step)
    assert (await again(db, row)).retry_count == 3


async def test_losing_the_race_for_a_number_is_no_retry(db, tenant):
    row = await inserted(db, tenant)
    await intent(db, row)
    await asyncio.gather(*(intent(db, row, 2) for _ in range(6)))
    assert (await again(db, row)).retry_count == 1


async def test_submits_of_a_step_come_oldest_first_and_alone(db, tenant):
    row = await inserted(db, tenant)
    for number in (2, 1, 3):
        await intent(db, row, number)
    await intent(db, row, 1, "other")
    found = await responses.submits_of(db, ref(row), "step")
    assert [each.number for each in found] == [1, 2, 3]


async def test_a_response_id_is_stored_and_wanted_while_the_job_waits(db, tenant):
    row = await inserted(db, tenant)
    submit, name, wanted = await submitted(db, row)
    assert (submit.response_id, submit.submitted_at is not None, wanted) == (name, True, True)


async def nobody_wants(db, submit):
    """Store an id, and check that it comes too late."""
    name = f"r{submit.job_id}"
    stored, wanted = await responses.store_response_id(db, submit, name, None)
    assert (stored.response_id, wanted) == (name, False)


@pytest.mark.parametrize("status", [None, SUCCEEDED, FAILED, CANCELED])
async def test_nobody_wants_a_response_of_a_canceled_or_ended_job(db, tenant, status):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    await (job_moves.finish(db, ending(row, status)) if status else cancel(db, row))
    await nobody_wants(db, submit)


async def test_nobody_wants_a_response_of_a_job_whose_work_has_ended(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    await job_moves.end_work(db, ref(row))
    await nobody_wants(db, submit)


async def test_a_submit_lost_after_the_work_has_ended_promises_no_other(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    await job_moves.end_work(db, ref(row))
    await responses.mark_uncertain(db, submit, "submit_uncertain", "lost", 1.0)
    assert (await again(db, row)).waiting_for is None
    assert await event_types(db, row) == ["created", "started"]


@pytest.mark.parametrize(
    ("later", "wanted"),
    [(None, False), (PAID, False), (UNPRICED, True), (REJECTED, True)],
    ids=["open", "effective", "failed", "rejected"],
)
async def test_a_later_submit_supersedes_while_it_is_open_or_when_it_is_used(
    db, tenant, later, wanted
):
    row = await inserted(db, tenant)
    first = await intent(db, row)
    await responses.mark_uncertain(db, first, "submit_uncertain", "lost")
    second = await intent(db, row, 2)
    if later:
        await responses.settle(db, second, later)
    stored = await responses.store_response_id(db, first, f"r{row.id}", None)
    assert stored[1] is wanted


async def test_submits_of_other_steps_supersede_nothing(db, tenant):
    row = await inserted(db, tenant)
    first = await intent(db, row)
    await intent(db, row, 2, "other")
    assert (await responses.store_response_id(db, first, f"r{row.id}", None))[1]


async def test_storing_an_id_again_changes_nothing(db, tenant):
    row = await inserted(db, tenant)
    submit, name, _ = await submitted(db, row)
    assert await responses.store_response_id(db, submit, name, None) == (submit, True)
    request = "SELECT request_id FROM responses WHERE response_id = $1"
    assert await db.fetchval(request, name) == "req"


async def test_a_submit_has_one_response(db, tenant):
    submit, _, _ = await submitted(db, await inserted(db, tenant))
    with pytest.raises(StepTakenOver):
        await responses.store_response_id(db, submit, "another", None)


async def test_a_response_belongs_to_one_submit(db, tenant):
    row = await inserted(db, tenant)
    _, name, _ = await submitted(db, row)
    other = await intent(db, await inserted(db, tenant))
    with pytest.raises(StepTakenOver):
        await responses.store_response_id(db, other, name, None)


async def test_an_id_that_comes_after_settling_is_refused(db, tenant):
    submit = await intent(db, await inserted(db, tenant))
    await responses.settle(db, submit, REJECTED)
    with pytest.raises(StepTakenOver):
        await responses.store_response_id(db, submit, "late", None)


async def test_an_uncertain_submit_opens_again_when_its_id_becomes_known(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    await responses.mark_uncertain(db, submit, "submit_uncertain", "lost")
    lost = await state_of(db, submit)
    assert (lost.state, lost.error_code) == (State.UNCERTAIN, "submit_uncertain")
    assert await responses.open_of(db, ref(row)) == []
    found, wanted = await responses.store_response_id(db, submit, f"r{row.id}", None)
    assert (found.state, found.error_code, wanted) == (State.OPEN, None, True)


async def test_a_submit_whose_id_is_known_or_that_is_settled_never_becomes_uncertain(db, tenant):
    row = await inserted(db, tenant)
    known, _, _ = await submitted(db, row)
    settled = await intent(db, row, step="other")
    await responses.settle(db, settled, REJECTED)
    for submit in (known, settled):
        before = await state_of(db, submit)
        await responses.mark_uncertain(db, submit, "submit_uncertain", "lost")
        assert await state_of(db, submit) == before


async def test_a_submit_is_settled_by_one_of_twenty(db, tenant):
    row = await inserted(db, tenant)
    submit, _, _ = await submitted(db, row)
    calls = await asyncio.gather(*(responses.settle(db, submit, PAID) for _ in range(20)))
    assert sum(each is not None for each in calls) == 1
    cost = Cost(usd=PAID.usd, usage=USAGE, responses=1)
    assert (await again(db, row)).cost == (await state_of(db, submit)).cost == cost


async def test_a_settled_submit_keeps_its_end(db, tenant):
    submit, _, _ = await submitted(db, await inserted(db, tenant))
    await responses.settle(db, submit, PAID)
    before = await state_of(db, submit)
    assert not await responses.settle(db, submit, UNPRICED)
    assert await state_of(db, submit) == before
    assert (before.output, before.state) == ("answer", State.EFFECTIVE)


async def test_an_uncertain_submit_can_be_settled_later(db, tenant):
    submit = await intent(db, await inserted(db, tenant))
    await responses.mark_uncertain(db, submit, "submit_uncertain", "lost")
    assert await responses.settle(db, submit, Settlement(State.CANCELED))
    assert (await state_of(db, submit)).state is State.CANCELED


async def test_a_step_has_one_effective_response_and_a_refused_one_books_nothing(db, tenant):
    row = await inserted(db, tenant)
    one, two = await intent(db, row), await intent(db, row, 2)
    await responses.settle(db, one, PAID)
    with pytest.raises(asyncpg.UniqueViolationError):
        await responses.settle(db, two, PAID)
    assert (await again(db, row)).cost.responses == 1
    wasted = Settlement(State.WASTED, USAGE, PAID.usd)
    assert await responses.settle(db, two, wasted)
    assert (await again(db, row)).cost == Cost(
        usd=Decimal("0.02"), usage=USAGE + USAGE, responses=2
    )


async def test_two_submits_that_end_at_once_make_one_effective(db, tenant):
    row = await inserted(db, tenant)
    submits = [await intent(db, row, number) for number in range(1, 9)]
    outcomes = await asyncio.gather(
        *(responses.settle(db, each, PAID) for each in submits), return_exceptions=True
    )
    assert sum(isinstance(each, responses.Submit) for each in outcomes) == 1
    assert sum(isinstance(each, asyncpg.UniqueViolationError) for each in outcomes) == 7


async def test_a_rejected_submit_costs_nothing_and_is_no_response(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    await responses.settle(db, submit, REJECTED)
    assert (await state_of(db, submit)).cost is None
    assert (await again(db, row)).cost == Cost()


@FEW
@given(settlements, st.booleans())
async def test_a_jobs_cost_is_the_sum_of_its_ledger(db, ends, at_once):
    row = await inserted(db, new_tenant())
    submits = [await intent(db, row, 1, f"step {each}") for each in range(len(ends))]
    calls = [responses.settle(db, one, end) for one, end in zip(submits, ends, strict=True)]
    if at_once:
        await asyncio.gather(*calls)
    else:
        for call in calls:
            await call
    ledger = await ledger_of(db, row.id)
    expected = total(each.cost for each in ledger if each.cost)
    assert (await again(db, row)).cost == expected
    paid = [each for each in ends if each.state is not State.REJECTED]
    assert expected.unpriced_responses == sum(each.usd is None for each in paid)


async def test_a_job_that_ended_is_still_charged(db, tenant):
    row = await inserted(db, tenant)
    submit, _, _ = await submitted(db, row)
    await cancel(db, row)
    await job_moves.finish(db, ending(row))
    assert await responses.settle(db, submit, Settlement(State.CANCELED, USAGE, Decimal(1)))
    assert (await again(db, row)).cost.usd == 1


async def test_abandoned_are_the_ended_jobs_with_open_submits(fresh, tenant):
    left, done, going = [await inserted(fresh, tenant) for _ in range(3)]
    for row in (left, done, going):
        submit = await intent(fresh, row)
        await intent(fresh, row, 1, "other")
    await responses.settle(fresh, await intent(fresh, done, 2), REJECTED)
    for submit in await responses.open_of(fresh, ref(done)):
        await responses.settle(fresh, submit, REJECTED)
    for row in (left, done):
        await job_moves.finish(fresh, ending(row, FAILED))
    assert await responses.abandoned(fresh, limit=9) == [ref(left)]


async def test_an_unknown_job_gets_no_intent(db, tenant):
    row = await inserted(db, tenant)
    unknown = ref(row).model_copy(update={"job_id": job_id()})
    assert not await responses.open_intent(db, unknown, "s", 1, model="m", fingerprint="f")
