"""Claims about families of rows: opened once, counted upwards, canceled downwards, never locked."""

import asyncio
import itertools
from datetime import timedelta
from decimal import Decimal

from jobs.children import ChildOpening, ChildRequest, child_id
from jobs.model import JobRef
from jobs.money import Usage
from jobs.options import JobOptions
from jobs.status import JobStatus
from storage import children, events, job_lists, job_moves, responses
from storage.database import Database
from storage.job_lists import Filter
from storage.jobs import JobRow
from storage.responses import Settlement, State
from tests.storage.rows import (
    CANCELED,
    SUCCEEDED,
    again,
    aged,
    ending,
    event_types,
    holding,
    inserted,
    ref,
    report,
    until_waiting,
)

USAGE = Usage(input_tokens=10, output_tokens=3)
PAID = Settlement(State.EFFECTIVE, USAGE, Decimal("0.01"), output="answer")
MINUTE = timedelta(minutes=1)


def opening(parent: JobRow, key: str, **more: object) -> ChildOpening:
    wanted = ChildRequest.model_validate({"key": key, "type": "words", "payload": {}} | more)
    return ChildOpening(parent=ref(parent), child=wanted)


async def opened(db: Database, parent: JobRow, key: str, **more: object) -> JobRow:
    row = await children.open_child(db, opening(parent, key, **more))
    assert row is not None
    return row


async def cancel(db: Database, row: JobRow) -> JobStatus:
    return await job_moves.request_cancel(db, row.tenant, row.id, by="x", reason="why")


async def settled(db: Database, row: JobRow, step: str, number: int = 1) -> None:
    submit = await responses.open_intent(db, ref(row), step, number, model="m", fingerprint="f")
    assert submit is not None
    await responses.settle(db, submit, PAID)


async def test_a_childs_options_come_back_as_they_went_and_without_choices_nobody_made(db, tenant):
    chosen = JobOptions(model="m", priority=1)
    child = await opened(db, await inserted(db, tenant), "a", options=chosen)
    stored = await db.fetchval("SELECT options FROM jobs WHERE id = $1", child.id)
    assert (child.options, None in stored.values()) == (chosen, False)


async def test_a_child_belongs_to_the_trace_of_its_root(db, tenant):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    child = await opened(db, await inserted(db, tenant, traceparent=trace), "a")
    assert child.traceparent == trace
    assert (await opened(db, child, "b")).traceparent == trace


async def test_a_child_is_opened_once_and_its_parent_runs(db, tenant):
    parent = await inserted(db, tenant, labels={"team": "research"})
    rows = await asyncio.gather(*(opened(db, parent, "a") for _ in range(8)))

    assert len({row.id for row in rows}) == 1
    child = await again(db, rows[0])
    assert child.id == child_id(parent.id, "a")
    assert (child.parent_id, child.root_id, child.ancestors) == (parent.id, parent.id, (parent.id,))
    assert (child.labels, child.child_key) == (parent.labels, "a")
    assert child.status is JobStatus.PENDING
    assert (await again(db, parent)).status is JobStatus.RUNNING
    assert await event_types(db, parent) == ["created", "started", "child_started"]
    assert await event_types(db, child) == ["created"]


async def test_a_child_has_its_own_options_and_the_line_of_its_parent(db, tenant):
    root = await inserted(db, tenant)
    parent = await opened(db, root, "a")
    child = await opened(db, parent, "a", options=JobOptions(priority=1, model="m"))

    assert (child.root_id, child.ancestors) == (root.id, (root.id, parent.id))
    assert (child.options.priority, child.options.model) == (1, "m")
    page = await job_lists.page(db, tenant, Filter(parent=root.id), after=None, limit=9)
    assert [row.id for row in page] == [parent.id]


async def test_no_child_is_opened_once_a_cancel_is_requested_or_the_parent_has_ended(db, tenant):
    canceled, over = await inserted(db, tenant), await inserted(db, tenant)
    there = await opened(db, canceled, "there")
    await cancel(db, canceled)
    await job_moves.finish(db, ending(over))

    assert await children.open_child(db, opening(canceled, "new")) is None
    assert await children.open_child(db, opening(over, "new")) is None
    found = await children.open_child(db, opening(canceled, "there"))
    assert found is not None
    assert found.id == there.id


async def test_a_child_of_somebody_elses_job_is_not_opened(db, tenant):
    row = await inserted(db, tenant)
    stranger = JobRef(tenant=f"{tenant}-other", job_id=row.id, type=row.type)
    request = ChildRequest(key="a", type="words", payload={})

    assert await children.open_child(db, ChildOpening(parent=stranger, child=request)) is None


async def test_an_ending_tells_a_parent_that_goes_on(db, tenant):
    parent = await inserted(db, tenant)
    first, second = await opened(db, parent, "a"), await opened(db, parent, "b")
    await job_moves.finish(db, ending(first))
    await job_moves.finish(db, ending(first))
    await job_moves.finish(db, ending(parent))
    await job_moves.finish(db, ending(second))

    assert await event_types(db, parent) == [
        "created", "started", "child_started", "child_started", "child_finished", "succeeded",
    ]  # fmt: skip
    told = (await events.after(db, tenant, parent.id, 4))[0]
    assert told.data == {
        "job_id": str(first.id), "key": "a", "type": "words", "status": "succeeded",
    }  # fmt: skip


async def test_cost_and_repeated_submits_count_for_all_above_and_nobody_else(db, tenant):
    root = await inserted(db, tenant)
    middle = await opened(db, root, "middle")
    leaf, sibling = await opened(db, middle, "leaf"), await opened(db, middle, "sibling")
    await settled(db, leaf, "1")
    await settled(db, leaf, "2", number=2)

    for row in (root, middle, leaf):
        found = await again(db, row)
        assert (found.cost.responses, found.cost.usd) == (2, Decimal("0.02"))
        assert found.cost.usage == USAGE + USAGE
        assert found.retry_count == 1
    assert (await again(db, sibling)).cost.responses == 0


async def test_a_late_settlement_counts_for_ancestors_that_have_ended(db, tenant):
    root = await inserted(db, tenant)
    leaf = await opened(db, root, "leaf")
    submit = await responses.open_intent(db, ref(leaf), "1", 1, model="m", fingerprint="f")
    for row in (leaf, root):
        await job_moves.finish(db, ending(row))
    assert submit is not None
    await responses.settle(db, submit, PAID)

    assert (await again(db, root)).cost.responses == 1


async def test_a_cancel_reaches_all_open_descendants_once(db, tenant):
    root = await inserted(db, tenant)
    middle, done = await opened(db, root, "middle"), await opened(db, root, "done")
    leaf = await opened(db, middle, "leaf")
    await job_moves.finish(db, ending(done))
    await cancel(db, leaf)
    await cancel(db, root)
    await cancel(db, root)

    for row in (root, middle, leaf):
        assert (await again(db, row)).cancel_requested_at is not None
        assert (await event_types(db, row)).count("cancel_requested") == 1
    assert (await again(db, done)).cancel_requested_at is None
    assert (await job_moves.finish(db, ending(middle))).status is CANCELED


async def test_a_child_opened_while_its_parent_is_being_canceled_is_found_next_time(
    db, shared_url, tenant
):
    parent = await inserted(db, tenant)
    async with holding(shared_url, parent):
        opens = asyncio.create_task(children.open_child(db, opening(parent, "a")))
        await until_waiting(db, 1)
        cancels = asyncio.create_task(cancel(db, parent))
        await until_waiting(db, 2)
    child, _ = await asyncio.gather(opens, cancels)

    await cancel(db, parent)
    if child is not None:
        assert (await again(db, child)).cancel_requested_at is not None


async def test_nothing_waits_in_a_circle_however_a_family_is_written_to(db, tenant):
    root = await inserted(db, tenant)
    middles = [await opened(db, root, str(n)) for n in range(4)]
    leaves = [await opened(db, m, str(n)) for m in middles for n in range(6)]

    async def live(leaf: JobRow) -> None:
        for step in range(4):
            await settled(db, leaf, str(step), number=1 + step % 2)
        await job_moves.finish(db, ending(leaf))

    async def grow(parent: JobRow) -> None:
        for number in range(6):
            await opened(db, parent, f"late {number}")
            await job_moves.write_progress(db, report(parent))

    await asyncio.gather(*map(live, leaves), *map(grow, middles), grow(root))
    found = await again(db, root)
    assert found.cost.responses == 4 * len(leaves)
    assert found.retry_count == 2 * len(leaves)
    for row in (root, *middles):
        await event_types(db, row)
    assert (await event_types(db, middles[0])).count("child_finished") == 6


async def test_cancels_from_all_levels_and_endings_do_not_wait_in_a_circle(db, tenant):
    for _ in range(5):
        root = await inserted(db, tenant)
        middle = await opened(db, root, "middle")
        leaves = [await opened(db, middle, str(number)) for number in range(8)]
        everybody = [root, middle, *leaves]
        moves = itertools.chain(
            (cancel(db, row) for row in everybody),
            (job_moves.finish(db, ending(row)) for row in reversed(leaves)),
        )
        await asyncio.gather(*moves)
        for row in (root, middle):
            await event_types(db, row)


async def test_a_pending_child_is_not_handed_to_whoever_starts_forgotten_jobs(fresh, tenant):
    parent = await inserted(fresh, tenant)
    child = await opened(fresh, parent, "a")
    for row in (parent, child):
        await aged(fresh, row, "created_at", MINUTE)
    await fresh.execute("UPDATE jobs SET status = 'pending' WHERE id = $1", parent.id)

    found = await job_lists.unstarted(
        fresh, older_than=timedelta(), younger_than=timedelta(days=1), limit=9
    )
    assert [row.id for row in found] == [parent.id]


async def test_orphans_are_open_children_of_ended_parents_left_alone_for_a_while(fresh, tenant):
    parent, other = await inserted(fresh, tenant), await inserted(fresh, tenant)
    orphan, ended = await opened(fresh, parent, "a"), await opened(fresh, parent, "b")
    await opened(fresh, other, "a")
    await job_moves.finish(fresh, ending(ended, SUCCEEDED))
    await job_moves.finish(fresh, ending(parent, CANCELED))
    assert await children.orphans(fresh, idle=MINUTE, limit=9) == []

    for row in (orphan, ended):
        await aged(fresh, row, "updated_at", MINUTE * 2)
    assert [row.id for row in await children.orphans(fresh, idle=MINUTE, limit=9)] == [orphan.id]
