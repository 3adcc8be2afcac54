"""Claims about approvals: the first decision stands, workflows are told, lists are complete."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.approvals import ApprovalRequest, ApprovalSettlement, ApprovalState, Settlement
from storage import approval_lists, approvals, job_moves
from storage.approval_lists import Place
from storage.approvals import Approval
from storage.database import Database
from storage.jobs import JobRow
from tests.storage.rows import FEW, ending, event_types, holding, inserted, new_tenant, ref
from tests.storage.rows import until_waiting as until_statements_wait

DIGEST = "d" * 64
HOUR = timedelta(hours=1)
APPROVED, REJECTED = (Settlement(state=ApprovalState(each)) for each in ("approved", "rejected"))


async def asked(db: Database, row: JobRow, key: str = "plan", left: timedelta = HOUR) -> None:
    await approvals.request(
        db,
        ApprovalRequest(
            job=ref(row),
            key=key,
            title="The plan",
            shown={"steps": ["dig"]},
            digest=DIGEST,
            editable=False,
            edits_schema=None,
            default=None,
            deadline=datetime.now(UTC) + left,
        ),
    )


def to(row: JobRow, settlement: Settlement, key: str = "plan") -> ApprovalSettlement:
    return ApprovalSettlement(job=ref(row), key=key, digest=DIGEST, settlement=settlement)


async def stored(db: Database, row: JobRow) -> Approval:
    found = await approvals.get(db, row.tenant, row.id, "plan")
    assert found is not None
    return found


async def test_of_many_decisions_at_once_one_is_written(db, tenant, shared_url):
    row = await inserted(db, tenant)
    await asked(db, row)
    wanted = [APPROVED, REJECTED] * 4
    async with holding(shared_url, row):
        racing = [asyncio.create_task(approvals.decide(db, to(row, each))) for each in wanted]
        await until_statements_wait(db, len(wanted))
    [won] = [each for each in await asyncio.gather(*racing) if each is not None]
    assert (await stored(db, row)).settlement == won.settlement
    # The workflow's deadline comes too late, and so does a signal past the gateway.
    assert await approvals.settle(db, to(row, REJECTED)) == won.settlement
    assert await event_types(db, row) == [
        "created",
        "started",
        "approval_requested",
        "approval_decided",
    ]


async def _deadline_passed(db: Database, row: JobRow) -> None:
    await db.execute("UPDATE approvals SET deadline = now() WHERE job_id = $1", row.id)


async def _cancel_requested(db: Database, row: JobRow) -> None:
    await job_moves.request_cancel(db, row.tenant, row.id, by="t", reason=None)


async def _job_ended(db: Database, row: JobRow) -> None:
    await job_moves.finish(db, ending(row))


async def _settled(db: Database, row: JobRow) -> None:
    await approvals.settle(db, to(row, REJECTED))


@pytest.mark.parametrize("spoil", [_deadline_passed, _cancel_requested, _job_ended, _settled])
async def test_a_decision_that_comes_too_late_is_not_written(db, tenant, spoil: Any):
    row = await inserted(db, tenant)
    await asked(db, row)
    await spoil(db, row)
    before = await stored(db, row)
    assert await approvals.decide(db, to(row, APPROVED)) is None
    assert await stored(db, row) == before


async def test_the_workflow_itself_may_settle_after_the_deadline(db, tenant):
    row = await inserted(db, tenant)
    await asked(db, row, left=-HOUR)
    assert await approvals.settle(db, to(row, APPROVED)) == APPROVED


async def due(db: Database) -> None:
    await db.execute("UPDATE approvals SET tell_at = now() - interval '1 second'")


async def test_a_decision_that_nobody_heard_of_is_handed_out_ever_more_seldom(fresh):
    row = await inserted(fresh, new_tenant())
    await asked(fresh, row)
    decided = await approvals.decide(fresh, to(row, APPROVED))
    assert decided is not None
    assert await approvals.untold(fresh, limit=10) == []
    pauses = []
    for minutes in (1, 10, 600):
        await due(fresh)
        await fresh.execute(
            "UPDATE approvals SET decided_at = now() - interval '1 minute' * $1", minutes
        )
        [found] = await approvals.untold(fresh, limit=10)
        assert found.signal == decided.signal
        assert await approvals.untold(fresh, limit=10) == []
        assert found.tell_at is not None
        pauses.append(round((found.tell_at - datetime.now(UTC)).total_seconds() / 60))
    assert pauses == [2, 20, 60]


async def test_a_workflow_that_knows_the_decision_is_not_told_again(fresh):
    for takes in (
        lambda row: approvals.settle(fresh, to(row, REJECTED)),
        lambda row: asked(fresh, row),  # its first workflow task was lost and is run again
    ):
        row = await inserted(fresh, new_tenant())
        await asked(fresh, row)
        await approvals.decide(fresh, to(row, APPROVED))
        await takes(row)
        assert (await stored(fresh, row)).settlement == APPROVED
        assert (await stored(fresh, row)).tell_at is None


async def test_nobody_is_told_once_the_job_has_ended(fresh):
    row = await inserted(fresh, new_tenant())
    await asked(fresh, row)
    await approvals.decide(fresh, to(row, APPROVED))
    await job_moves.finish(fresh, ending(row))
    await due(fresh)
    assert await approvals.untold(fresh, limit=10) == []
    assert (await stored(fresh, row)).tell_at is None


@FEW
@given(opened=st.lists(st.booleans(), max_size=8), size=st.integers(1, 3), decides=st.booleans())
async def test_pages_hold_every_approval_open_ones_first(db, opened, size, decides):
    tenant = new_tenant()
    row = await inserted(db, tenant)
    for number, is_open in enumerate(opened):
        await asked(db, row, f"key/{number % 2}/é{number}")
        if not is_open:
            await approvals.settle(db, to(row, APPROVED, f"key/{number % 2}/é{number}"))
    seen, after = [], None
    while page := await approval_lists.page(db, tenant, after=after, limit=size):
        seen += page
        last = page[-1]
        is_open = last.state is ApprovalState.OPEN
        after = Place(is_open, last.requested_at, last.job_id, last.key)
        if decides and is_open:
            await approvals.settle(db, to(row, REJECTED, last.key))
    assert {each.key for each in seen} == {f"key/{n % 2}/é{n}" for n in range(len(opened))}
    if not decides:
        assert len(seen) == len(opened)
        order = [(each.state is ApprovalState.OPEN, each.requested_at) for each in seen]
        assert order == sorted(order, reverse=True)


async def test_lists_are_filtered_by_state_and_by_job_with_its_descendants(db, tenant):
    root = await inserted(db, tenant)
    child = await inserted(db, tenant)
    await db.execute("UPDATE jobs SET root_id = $1 WHERE id = $2", root.id, child.id)
    other = await inserted(db, tenant)
    for row in (root, child, other):
        await asked(db, row)
    await approvals.settle(db, to(child, REJECTED))

    async def keys(**wanted: Any) -> list[Any]:
        found = await approval_lists.page(db, tenant, after=None, limit=9, **wanted)
        return [each.job_id for each in found]

    assert await keys(job_id=root.id) == [root.id, child.id]  # the open one first
    assert await keys(states=(ApprovalState.REJECTED,)) == [child.id]
    assert await keys(states=(ApprovalState.OPEN,), job_id=child.id) == []
    assert await approval_lists.page(db, new_tenant(), after=None, limit=9) == []
