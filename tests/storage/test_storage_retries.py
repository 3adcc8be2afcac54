"""Claims about `retrying`: told with the booking, once, in order, and only if a try follows."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from jobs.children import ChildOpening, ChildRequest
from jobs.money import Usage
from storage import children, events, job_moves, responses
from storage.database import Database
from storage.jobs import JobRow
from storage.responses import Settlement, State, Submit
from tests.storage.rows import (
    FAILED,
    again,
    ending,
    event_types,
    holding,
    inserted,
    ref,
    report,
    until_waiting,
)

USAGE = Usage(input_tokens=10, output_tokens=3)
REFUSED = Settlement(
    State.REJECTED,
    error_code="provider_overloaded",
    error_message="busy",
    retry_after_seconds=2,
)
BROKEN = replace(
    REFUSED, state=State.FAILED, error_code="response_stuck", usage=USAGE, usd=Decimal("0.5")
)
WAITS = "another try of step step: provider_overloaded"


async def intent(db: Database, row: JobRow, number: int = 1, step: str = "step") -> Submit:
    opened = await responses.open_intent(db, ref(row), step, number, model="m", fingerprint="f")
    assert opened is not None
    return opened


async def lose(db: Database, submit: Submit, seconds: float | None = 2) -> None:
    assert await responses.mark_uncertain(db, submit, "submit_uncertain", "lost", seconds)


async def retrying(db: Database, row: JobRow) -> int:
    return (await event_types(db, row)).count("retrying")


async def test_a_refusal_is_told_with_its_booking_and_only_once(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    ends = await asyncio.gather(*(responses.settle(db, submit, REFUSED) for _ in range(8)))
    assert sum(end is not None for end in ends) == 1
    assert await event_types(db, row) == ["created", "started", "retrying"]
    [told] = await events.after(db, tenant, row.id, 2)
    assert told.data == {
        "step": "step",
        "submit": 1,
        "code": "provider_overloaded",
        "message": "busy",
        "retry_after_seconds": 2,
    }
    assert (await again(db, row)).waiting_for == WAITS


async def test_a_lost_reply_is_told_once_and_not_when_its_id_is_known(db, tenant):
    row = await inserted(db, tenant)
    submit = await intent(db, row)
    calls = (responses.mark_uncertain(db, submit, "submit_uncertain", "lost", 0) for _ in range(8))
    assert sum(await asyncio.gather(*calls)) == 1
    assert await retrying(db, row) == 1
    found = await intent(db, row, step="other")
    await responses.store_response_id(db, found, f"resp_{row.id.hex}", None)
    assert not await responses.mark_uncertain(db, found, "submit_uncertain", "lost", 0)
    assert await retrying(db, row) == 1


async def test_what_no_try_follows_is_not_told(db, tenant):
    row = await inserted(db, tenant)
    await responses.settle(db, await intent(db, row), replace(REFUSED, retry_after_seconds=None))
    await lose(db, await intent(db, row, step="other"), None)
    assert await retrying(db, row) == 0
    assert (await again(db, row)).waiting_for is None


@pytest.mark.parametrize("is_over", [True, False], ids=["ended", "cancel-requested"])
async def test_a_job_that_stops_is_told_of_no_other_try(db, tenant, is_over):
    row = await inserted(db, tenant)
    submits = [await intent(db, row, step=each) for each in ("refused", "lost")]
    if is_over:
        await job_moves.finish(db, ending(row, FAILED))
    else:
        await job_moves.request_cancel(db, tenant, row.id, by="x", reason=None)
    await responses.settle(db, submits[0], BROKEN)
    await lose(db, submits[1])
    assert await retrying(db, row) == 0
    found = await again(db, row)
    assert (found.waiting_for, found.cost.usd) == (None, Decimal("0.5"))


async def test_a_cancel_that_the_booking_waited_for_is_heeded(db, tenant, shared_url):
    row = await inserted(db, tenant)
    submits = [await intent(db, row, step=each) for each in ("refused", "lost")]
    async with holding(shared_url, row) as somebody:
        booking = asyncio.gather(responses.settle(db, submits[0], REFUSED), lose(db, submits[1]))
        await until_waiting(db, 2)
        await somebody.execute("UPDATE jobs SET cancel_requested_at = now() WHERE id = $1", row.id)
    await booking
    assert await retrying(db, row) == 0


@pytest.mark.parametrize("has_answer", [True, False], ids=["answered", "under-way"])
async def test_a_step_with_another_response_is_told_of_no_other_try(db, tenant, has_answer):
    row = await inserted(db, tenant)
    first, second, third = [await intent(db, row, each) for each in (1, 2, 3)]
    await responses.store_response_id(db, third, f"resp_{row.id.hex}", None)
    if has_answer:
        await responses.settle(db, third, Settlement(State.EFFECTIVE, output="x"))
    await responses.settle(db, first, REFUSED)
    await lose(db, second)
    assert await retrying(db, row) == 0


async def test_a_childs_tries_are_told_in_its_own_events_and_paid_for_by_all(db, tenant):
    parent = await inserted(db, tenant)
    wanted = ChildRequest.model_validate({"key": "a", "type": "words", "payload": {}})
    child = await children.open_child(db, ChildOpening(parent=ref(parent), child=wanted))
    assert child is not None
    await responses.settle(db, await intent(db, child), BROKEN)
    assert (await retrying(db, child), await retrying(db, parent)) == (1, 0)
    rows = [await again(db, each) for each in (parent, child)]
    assert [each.cost.usd for each in rows] == [Decimal("0.5")] * 2
    assert [bool(each.waiting_for) for each in rows] == [False, True]


async def test_many_tries_and_other_writers_leave_no_gap(db, tenant):
    row = await inserted(db, tenant)
    submits = [await intent(db, row, step=f"step {each}") for each in range(24)]
    await asyncio.gather(
        *(responses.settle(db, each, REFUSED) for each in submits[:8]),
        *(responses.settle(db, each, BROKEN) for each in submits[8:16]),
        *(lose(db, each) for each in submits[16:]),
        *(job_moves.write_progress(db, report(row, each)) for each in range(8)),
        *(intent(db, row, step=f"more {each}") for each in range(8)),
    )
    types = await event_types(db, row)
    assert (types.count("retrying"), types.count("progress")) == (24, 8)
