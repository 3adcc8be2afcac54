"""Claims about questions over many jobs."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.forecasts import History
from jobs.status import TERMINAL, JobStatus
from storage import job_lists, job_moves
from storage.job_lists import START_CLAIM, Filter, Position
from tests.storage.rows import (
    CANCELED,
    FAILED,
    FEW,
    SUCCEEDED,
    again,
    aged,
    ending,
    inserted,
    job_id,
    new_tenant,
    ref,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ENDINGS = sorted(TERMINAL)


def ids(rows):
    return {row.id for row in rows}


@FEW
@given(
    ages=st.lists(st.integers(1, 4), max_size=9),
    size=st.integers(1, 4),
    newcomers=st.lists(st.booleans(), min_size=1),
)
async def test_paging_yields_every_job_once_whoever_comes_in_between(db, ages, size, newcomers):
    tenant, before = new_tenant(), []
    for age in ages:
        row = await inserted(db, tenant)
        await aged(db, row, "created_at", age * HOUR)
        before.append(row.id)
    seen, after, turns = [], None, 0
    while page := await job_lists.page(db, tenant, Filter(), after=after, limit=size):
        seen += page
        after = Position(page[-1].created_at, page[-1].id)
        if newcomers[turns % len(newcomers)]:
            await inserted(db, tenant)
        turns += 1
    assert sorted(row.id for row in seen) == sorted(before)
    order = [(row.created_at, row.id) for row in seen]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), "ABC"),
        (Filter(type="words"), "AB"),
        (Filter(statuses=(JobStatus.PENDING,)), "AC"),
        (Filter(statuses=(JobStatus.PENDING, SUCCEEDED)), "ABC"),
        (Filter(statuses=(FAILED,)), ""),
        (Filter(labels={"team": "red"}), "AB"),
        (Filter(labels={"team": "red", "size": "s"}), "A"),
        (Filter(labels={}), "ABC"),
        (Filter(labels={"team": "blue"}), ""),
        (Filter(labels={"it's": '"quoted" {}'}), "C"),
        (Filter(type="words", statuses=(SUCCEEDED,), labels={"team": "red"}), "B"),
        (Filter(created_after=datetime.now(UTC) - DAY), "AB"),
        (Filter(created_after=datetime.now(UTC) + DAY), ""),
        (Filter(parent=job_id()), ""),
    ],
)
async def test_filters_narrow_a_page(db, tenant, wanted, found):
    rows = {
        "A": await inserted(db, tenant, labels={"team": "red", "size": "s"}),
        "B": await inserted(db, tenant, labels={"team": "red"}),
        "C": await inserted(db, tenant, type="else", labels={"it's": '"quoted" {}'}),
    }
    await job_moves.finish(db, ending(rows["B"]))
    await aged(db, rows["C"], "created_at", 2 * DAY)
    page = await job_lists.page(db, tenant, wanted, after=None, limit=9)
    assert ids(page) == {rows[each].id for each in found}


async def test_children_are_found_by_their_parent_or_left_out(db, tenant):
    parent, child = await inserted(db, tenant), await inserted(db, tenant)
    await db.execute("UPDATE jobs SET parent_id = $2 WHERE id = $1", child.id, parent.id)
    for wanted, found in [
        (Filter(parent=parent.id), {child.id}),
        (Filter(root=True), {parent.id}),
        (Filter(root=False), {child.id}),
        (Filter(parent=parent.id, root=True), set()),
    ]:
        page = await job_lists.page(db, tenant, wanted, after=None, limit=9)
        assert ids(page) == found


async def took(db, tenant, job_type, seconds, status=SUCCEEDED):
    row = await inserted(db, tenant, type=job_type)
    await job_moves.finish(db, ending(row, status))
    await db.execute(
        "UPDATE jobs SET created_at = completed_at - $2::interval WHERE id = $1",
        row.id,
        timedelta(seconds=seconds),
    )


async def test_durations_are_those_of_the_tenants_successes(db, tenant):
    for seconds in (1, 2, 3, 4, 100):
        await took(db, tenant, tenant, seconds)
    await took(db, tenant, tenant, 9999, FAILED)
    await took(db, new_tenant(), tenant, 9999)
    await inserted(db, tenant, type=tenant)
    found = await job_lists.durations(db, tenant, tenant)
    assert found is not None
    assert found.count == 5
    assert found.median == pytest.approx(3)
    assert found.p95 == pytest.approx(4 + 0.8 * 96)


async def test_durations_look_at_recent_jobs_only(db, tenant, monkeypatch):
    monkeypatch.setattr(job_lists, "RECENT", 2)
    for seconds in (1000, 5, 7):
        await took(db, tenant, tenant, seconds)
    found = await job_lists.durations(db, tenant, tenant)
    assert found is not None
    assert found.count == 2
    assert found.median == pytest.approx(6)


async def test_a_type_nobody_ran_has_no_durations(db, tenant):
    await took(db, tenant, tenant, 5, CANCELED)
    assert await job_lists.durations(db, tenant, tenant) is None


async def claim(db, limit=99):
    return ids(await job_lists.unstarted(db, older_than=HOUR, younger_than=DAY, limit=limit))


async def test_only_pending_jobs_of_the_right_age_are_unstarted(fresh, tenant):
    ages = {
        "new": HOUR / 2,
        "due": 2 * HOUR,
        "old": 2 * DAY,
        "running": 2 * HOUR,
        "ended": HOUR * 2,
        "canceled": HOUR * 2,
    }
    rows = {name: await inserted(fresh, tenant) for name in ages}
    await job_moves.mark_running(fresh, ref(rows["running"]))
    await job_moves.finish(fresh, ending(rows["ended"]))
    await job_moves.request_cancel(fresh, tenant, rows["canceled"].id, by="x", reason=None)
    for name, age in ages.items():
        await aged(fresh, rows[name], "created_at", age)
    assert await claim(fresh) == {rows["due"].id}


async def test_a_job_whose_start_was_seen_to_is_handed_out_again_after_a_while_or_when_given_back(
    fresh, tenant
):
    rows = [await inserted(fresh, tenant) for _ in range(3)]
    for row in rows:
        await aged(fresh, row, "created_at", 2 * HOUR)
    assert await claim(fresh) == ids(rows)
    assert await claim(fresh) == set()
    await job_lists.checked(fresh, [row.id for row in rows])
    await passes(fresh, START_CLAIM)
    assert await claim(fresh) == set()
    await job_lists.unchecked(fresh, [rows[0].id])
    await aged(fresh, rows[1], "start_checked_at", timedelta(minutes=6))
    assert await claim(fresh) == ids(rows[:2])
    assert (await again(fresh, rows[0])).updated_at == rows[0].updated_at


async def passes(db, time):
    """Have every check lie that much further back."""
    await db.execute("UPDATE jobs SET start_checked_at = start_checked_at - $1::interval", time)


async def test_a_job_whose_claimer_died_is_handed_out_again_soon(fresh, tenant):
    row = await inserted(fresh, tenant)
    await aged(fresh, row, "created_at", 2 * HOUR)
    assert await claim(fresh) == {row.id}
    await passes(fresh, START_CLAIM / 2)
    assert await claim(fresh) == set()
    await passes(fresh, START_CLAIM / 2)
    assert await claim(fresh) == {row.id}


@pytest.mark.parametrize("limit", [1, 3])
async def test_concurrent_claims_share_the_jobs_and_keep_the_limit(fresh, tenant, limit):
    rows = [await inserted(fresh, tenant) for _ in range(12)]
    for row in rows:
        await aged(fresh, row, "created_at", 2 * HOUR)
    claims = await asyncio.gather(*(claim(fresh, limit) for _ in range(4)))
    assert all(len(each) == limit for each in claims)
    assert len(set().union(*claims)) == 4 * limit
    while more := await claim(fresh, limit):
        claims.append(more)
    assert set().union(*claims) == ids(rows)


async def test_the_jobs_never_checked_come_first(fresh, tenant):
    checked, unchecked = await inserted(fresh, tenant), await inserted(fresh, tenant)
    await aged(fresh, checked, "created_at", 3 * HOUR)
    await aged(fresh, checked, "start_checked_at", HOUR)
    await aged(fresh, unchecked, "created_at", 2 * HOUR)
    assert await claim(fresh, 1) == {unchecked.id}


async def test_still_open_leaves_out_the_ended_and_the_unknown(db, tenant):
    pending, running = await inserted(db, tenant), await inserted(db, tenant)
    await job_moves.mark_running(db, ref(running))
    ended = [await inserted(db, tenant) for _ in ENDINGS]
    for row, status in zip(ended, ENDINGS, strict=True):
        await job_moves.finish(db, ending(row, status))
    asked = [pending.id, running.id, *ids(ended), job_id()]
    assert ids(await job_lists.still_open(db, asked)) == {pending.id, running.id}


async def test_quiet_jobs_come_oldest_first_page_by_page(fresh, tenant):
    rows = [await inserted(fresh, tenant) for _ in range(5)]
    ended = await inserted(fresh, tenant)
    await job_moves.finish(fresh, ending(ended))
    for hours, row in enumerate([*rows[1:], ended], start=1):
        await aged(fresh, row, "created_at", hours * HOUR)
        await aged(fresh, row, "updated_at", HOUR)
    seen, after = [], None
    while page := await job_lists.quiet(fresh, idle=HOUR / 2, after=after, limit=2):
        seen += page
        after = Position(page[-1].created_at, page[-1].id)
    assert [row.id for row in seen] == [row.id for row in reversed(rows[1:])]


async def test_unanswered_cancels_are_those_of_open_jobs_a_while_ago(fresh, tenant):
    waiting, ended, recent, _ = [await inserted(fresh, tenant) for _ in range(4)]
    for row in (waiting, ended, recent):
        await job_moves.request_cancel(fresh, tenant, row.id, by="x", reason=None)
    for row in (waiting, ended):
        await aged(fresh, row, "cancel_requested_at", HOUR)
    await job_moves.finish(fresh, ending(ended))
    found = await job_lists.unanswered_cancels(fresh, older_than=HOUR / 2, limit=9)
    assert ids(found) == {waiting.id}


async def canceled_ago(db, tenant, *ages):
    rows = [await inserted(db, tenant) for _ in ages]
    for row, age in zip(rows, ages, strict=True):
        await job_moves.request_cancel(db, tenant, row.id, by="x", reason=None)
        await aged(db, row, "cancel_requested_at", age)
    return rows


async def repeats(db, limit=1):
    return ids(await job_lists.unanswered_cancels(db, older_than=SECOND, limit=limit))


async def test_cancels_that_nobody_answers_do_not_keep_later_ones_from_being_repeated(
    fresh, tenant
):
    old, later = await canceled_ago(fresh, tenant, HOUR, MINUTE)
    assert await repeats(fresh) == {old.id}
    assert await repeats(fresh) == {later.id}
    assert await repeats(fresh) == set()


async def test_cancels_are_repeated_for_twice_as_long_each_time_up_to_a_limit(fresh, tenant):
    ages = {20 * SECOND: 20 * SECOND, MINUTE: MINUTE, HOUR: job_lists.CANCEL_REST}
    rows = await canceled_ago(fresh, tenant, *ages)
    assert await repeats(fresh, 9) == ids(rows)
    rest = "SELECT cancel_repeat_at - now() FROM jobs WHERE id = $1"
    for row, told in zip(rows, ages.values(), strict=True):
        assert told - 10 * SECOND < await fresh.fetchval(rest, row.id) < told + 10 * SECOND
    await aged(fresh, rows[1], "cancel_repeat_at", SECOND)
    assert await repeats(fresh, 9) == {rows[1].id}


async def test_a_cancel_given_back_is_repeated_at_once_behind_the_others(fresh, tenant):
    old, later = await canceled_ago(fresh, tenant, HOUR, MINUTE)
    assert await repeats(fresh) == {old.id}
    await job_lists.untold_of_cancels(fresh, [old.id])
    assert await repeats(fresh) == {later.id}
    assert await repeats(fresh) == {old.id}


PRICED = """UPDATE jobs SET settled_responses = $2, unpriced_responses = $3, cost_usd = $4,
    completed_at = created_at + interval '3 seconds' WHERE id = $1"""


async def test_histories_tell_what_a_tenants_recent_successes_took_and_cost(db, tenant):
    name = f"kind_{new_tenant()}"
    prices = [(1, 0, Decimal("0.1")), (2, 1, Decimal("9")), (0, 0, None), (1, 0, Decimal("0.3"))]
    for settled, unpriced, usd in prices:
        row = await inserted(db, tenant, type=name)
        await job_moves.finish(db, ending(row))
        await db.execute(PRICED, row.id, settled, unpriced, usd)
    lost = await inserted(db, tenant, type=name)
    await job_moves.finish(db, ending(lost, FAILED))
    anothers = await inserted(db, new_tenant(), type=name)
    await job_moves.finish(db, ending(anothers))
    found = await job_lists.histories(db, tenant, [name, "nobody_ran_it"])
    assert found == {
        name: History(
            finished=4,
            median_seconds=3.0,
            p95_seconds=3.0,
            priced=3,  # a partly unknown price is none; a job without responses was free
            low_usd=Decimal(0),
            typical_usd=Decimal("0.1"),
            high_usd=Decimal("0.3"),
        )
    }
