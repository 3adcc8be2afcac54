"""Claims about the job's row: inserting, cancelling, running, ending."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.fingerprints import fingerprint
from jobs.model import Failure, Progress
from jobs.options import JobOptions
from jobs.status import TERMINAL, JobStatus, may_move
from storage import events, job_lists, job_moves
from storage import jobs as job_rows
from storage.job_lists import Filter
from tests.storage.rows import (
    CANCELED,
    FAILED,
    FEW,
    SUCCEEDED,
    again,
    ending,
    event_types,
    holding,
    inserted,
    new_job,
    new_tenant,
    ref,
    report,
    until_waiting,
)

ENDINGS = sorted(TERMINAL)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


async def cancel(db, row, *, by="me", reason="changed my mind"):
    return await job_moves.request_cancel(db, row.tenant, row.id, by=by, reason=reason)


async def test_a_new_job_is_pending_with_its_first_event(db, tenant):
    row, made = await job_rows.insert(db, new_job(tenant, labels={"a": "b"}))
    assert made
    assert (row.status, row.root_id, row.parent_id) == (JobStatus.PENDING, row.id, None)
    assert (row.cost.usd, row.cost.responses, row.has_result) == (None, 0, False)
    assert await event_types(db, row) == ["created"]
    assert await again(db, row) == row


@FEW
@given(payload=st.dictionaries(text, json_values, max_size=4), tries=st.integers(1, 10))
async def test_payload_and_options_come_back_as_they_went(db, payload, tries):
    new = new_job(new_tenant(), payload=payload, options=JobOptions(max_tries=tries))
    row, _ = await job_rows.insert(db, new)
    assert (row.payload, row.options) == (payload, new.options)
    assert fingerprint(row.payload) == fingerprint(payload)


async def test_a_row_with_an_option_of_a_newer_version_is_read_and_listed(db, tenant):
    row = await inserted(db, tenant, options=JobOptions(max_tries=2))
    written = JobOptions(max_tries=2).model_dump(mode="json") | {"new_option": None, "newer": 1}
    await db.execute("UPDATE jobs SET options = $2 WHERE id = $1", row.id, written)
    assert await again(db, row) == row
    assert await job_lists.page(db, tenant, Filter(), after=None, limit=2) == [row]


async def test_a_choice_that_nobody_made_is_not_stored(db, tenant):
    row = await inserted(db, tenant, options=JobOptions(max_tries=2))
    stored = await db.fetchval("SELECT options FROM jobs WHERE id = $1", row.id)
    assert stored == {"max_tries": 2, "on_uncertain": "resubmit", "priority": 3}


async def test_a_replayed_key_finds_the_first_job(db, tenant):
    first, _ = await job_rows.insert(db, new_job(tenant, idempotency_key="k"))
    found, made = await job_rows.insert(db, new_job(tenant, idempotency_key="k"))
    assert (found.id, made) == (first.id, False)
    assert await event_types(db, first) == ["created"]


async def test_jobs_without_a_key_are_never_the_same(db, tenant):
    rows = [await inserted(db, tenant) for _ in range(2)]
    assert rows[0].id != rows[1].id


async def test_another_tenants_equal_key_is_another_job(db, tenant):
    mine = await inserted(db, tenant, idempotency_key="k")
    theirs, made = await job_rows.insert(db, new_job(new_tenant(), idempotency_key="k"))
    assert made
    assert theirs.id != mine.id


@pytest.mark.parametrize(
    "other",
    [
        {"payload": {"text": "y"}},
        {"type": "else"},
        {"options": JobOptions(max_tries=1)},
        {"labels": {"a": "b"}},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_reused_key_is_told_by_the_fingerprint(db, tenant, other):
    await inserted(db, tenant, idempotency_key="k")
    reused = new_job(tenant, idempotency_key="k", **other)
    found, made = await job_rows.insert(db, reused)
    assert not made
    assert found.fingerprint != reused.fingerprint


async def test_fifty_concurrent_requests_with_one_key_make_one_job(db, tenant):
    jobs = [new_job(tenant, idempotency_key="k") for _ in range(50)]
    answers = await asyncio.gather(*(job_rows.insert(db, each) for each in jobs))
    assert sum(made for _, made in answers) == 1
    assert len({row.id for row, _ in answers}) == 1
    assert len(await job_lists.page(db, tenant, Filter(), after=None, limit=99)) == 1
    assert await event_types(db, answers[0][0]) == ["created"]


async def test_the_first_cancel_is_the_one_that_counts(db, tenant):
    row = await inserted(db, tenant)
    assert await cancel(db, row, by="first") is JobStatus.PENDING
    requested = await again(db, row)
    assert await cancel(db, row, by="second") is JobStatus.PENDING
    assert await again(db, row) == requested
    assert await event_types(db, row) == ["created", "cancel_requested"]
    [_, event] = await events.after(db, tenant, row.id, 0)
    assert event.data == {"by": "first", "reason": "changed my mind"}


async def test_twenty_concurrent_cancels_are_one(db, tenant):
    row = await inserted(db, tenant)
    await asyncio.gather(*(cancel(db, row, by=str(each)) for each in range(20)))
    assert await event_types(db, row) == ["created", "cancel_requested"]


@pytest.mark.parametrize("status", ENDINGS)
async def test_cancelling_a_finished_job_changes_nothing(db, tenant, status):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, status))
    finished = await again(db, row)
    assert await cancel(db, row) is status
    assert await again(db, row) == finished


async def test_a_cancel_that_waited_for_the_end_tells_the_end(db, shared_url, tenant):
    row = await inserted(db, tenant)
    async with holding(shared_url, row) as other:
        canceling = asyncio.create_task(cancel(db, row))
        await until_waiting(db)
        await other.execute(
            "UPDATE jobs SET status = 'succeeded', completed_at = now() WHERE id = $1", row.id
        )
    assert await canceling is SUCCEEDED


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.product(ENDINGS, ENDINGS)), ids=lambda each: str(each)
)
async def test_the_first_ending_stands(db, tenant, first, second):
    row = await inserted(db, tenant)
    standing = await job_moves.finish(db, ending(row, first))
    finished = await again(db, row)
    assert standing.status is finished.status is first
    other = ending(row, second, failure=Failure(code="other", message="late"), result="1")
    late = await job_moves.finish(db, other)
    assert late == standing.model_copy(update={"is_new": False})
    assert await again(db, row) == finished
    assert await event_types(db, row) == ["created", first.value]


@pytest.mark.parametrize("status", ENDINGS)
async def test_a_cancel_requested_before_wins_over_any_ending(db, tenant, status):
    row = await inserted(db, tenant)
    await cancel(db, row)
    standing = await job_moves.finish(db, ending(row, status))
    found = await again(db, row)
    assert standing.status is found.status is CANCELED
    assert (found.failure, found.has_result, standing.failure) == (None, False, None)
    assert await event_types(db, row) == ["created", "cancel_requested", "canceled"]


async def test_a_cancel_wins_over_an_ending_that_waited_for_the_row(db, shared_url, tenant):
    row = await inserted(db, tenant)
    async with holding(shared_url, row) as other:
        finishing = asyncio.create_task(job_moves.finish(db, ending(row)))
        await until_waiting(db)
        await other.execute("UPDATE jobs SET cancel_requested_at = now() WHERE id = $1", row.id)
    assert (await finishing).status is CANCELED


async def test_two_endings_that_waited_for_the_row_agree(db, shared_url, tenant):
    row = await inserted(db, tenant)
    async with holding(shared_url, row):
        tasks = [
            asyncio.create_task(job_moves.finish(db, ending(row, status)))
            for status in (SUCCEEDED, FAILED)
        ]
        await until_waiting(db, 2)
    one, other = await asyncio.gather(*tasks)
    assert {one.is_new, other.is_new} == {True, False}
    assert one.model_copy(update={"is_new": other.is_new}) == other
    assert one.status is (await again(db, row)).status


async def test_twenty_concurrent_endings_and_a_cancel_agree(db, tenant):
    row = await inserted(db, tenant)
    endings = [ending(row, status) for status in itertools.islice(itertools.cycle(ENDINGS), 20)]
    *standings, _ = await asyncio.gather(
        *(job_moves.finish(db, each) for each in endings), cancel(db, row)
    )
    assert len({each.model_dump_json(exclude={"is_new"}) for each in standings}) == 1
    assert sum(each.is_new for each in standings) == 1
    assert standings[0].status is (await again(db, row)).status
    assert sum(each in ENDINGS for each in await event_types(db, row)) == 1


@pytest.mark.parametrize("status", ENDINGS)
async def test_a_result_exists_only_after_success_and_a_failure_only_after_failing(
    db, tenant, status
):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, status))
    found = await again(db, row)
    result = await job_rows.get_result(db, tenant, row.id)
    assert (found.has_result, result) == (
        (True, {"answer": 42}) if status is SUCCEEDED else (False, None)
    )
    assert (found.failure is not None) is (status is FAILED)


async def test_a_result_in_the_object_store_is_left_out_of_the_row(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row), result_key="key")
    found = await again(db, row)
    assert (found.has_result, found.result_key) == (True, "key")
    assert await job_rows.get_result(db, tenant, row.id) is None


async def test_a_failed_job_keeps_no_result_key(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, FAILED), result_key="key")
    found = await again(db, row)
    assert (found.has_result, found.result_key) == (False, None)


async def test_a_failures_event_carries_code_and_message(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, FAILED))
    [_, event] = await events.after(db, tenant, row.id, 0)
    assert event.data == {"code": "job_defect", "message": "broke"}


async def test_an_ending_fills_in_the_start_only_where_no_deed_did(db, tenant):
    started, never = await inserted(db, tenant), await inserted(db, tenant)
    await job_moves.mark_running(db, ref(started))
    before = (await again(db, started)).started_at
    for row in (started, never):
        await job_moves.finish(db, ending(row))
    assert (await again(db, started)).started_at == before
    assert (await again(db, never)).started_at == never.created_at


async def test_an_ending_without_a_start_leaves_it_open(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, CANCELED, started_at=None))
    found = await again(db, row)
    assert (found.started_at, found.completed_at is not None) == (None, True)


@pytest.mark.parametrize(
    ("written", "read"),
    [(r'"a\u0000b"', "ab"), (r'"a\\u0000b"', "a\\u0000b"), (r'"\\\u0000\n"', "\\\n")],
    ids=["NUL", "a backslash before u0000", "a backslash before NUL"],
)
async def test_a_result_ends_the_job_even_when_it_holds_nul(db, tenant, written, read):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, result=written))
    assert await job_rows.get_result(db, tenant, row.id) == read


async def test_a_result_keeps_the_order_of_its_fields(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, result='{"title": 1, "a": {"second": 2, "c": 3}}'))
    found = await job_rows.get_result(db, tenant, row.id)
    assert (list(found), list(found["a"])) == (["title", "a"], ["second", "c"])


async def test_words_of_an_ending_may_hold_what_postgres_cannot(db, tenant):
    row = await inserted(db, tenant)
    nul = Failure(code="job_defect", message="a\x00b\ud800")
    await job_moves.write_progress(db, report(row, waiting_for="a\x00b"))
    await job_moves.finish(db, ending(row, FAILED, failure=nul, progress=Progress(stage="\x00c")))
    found = await again(db, row)
    assert found.failure == Failure(code="job_defect", message="ab?")
    assert found.progress.stage == "c"


async def test_every_way_through_a_job_makes_only_legal_moves(db, tenant):
    seen = [JobStatus.PENDING]
    row = await inserted(db, tenant)
    for deed in (
        job_moves.mark_running(db, ref(row)),
        job_moves.write_progress(db, report(row)),
        job_moves.finish(db, ending(row)),
        job_moves.write_progress(db, report(row, 5)),
        job_moves.mark_running(db, ref(row)),
        job_moves.finish(db, ending(row, FAILED)),
    ):
        await deed
        seen.append((await again(db, row)).status)
    moves = [pair for pair in itertools.pairwise(seen) if pair[0] is not pair[1]]
    assert all(may_move(*each) for each in moves)
    assert await event_types(db, row) == ["created", "started", "progress", "succeeded"]


async def test_marking_a_job_running_again_changes_nothing(db, tenant):
    row = await inserted(db, tenant)
    answers = await asyncio.gather(*(job_moves.mark_running(db, ref(row)) for _ in range(12)))
    assert all(answers)
    assert await event_types(db, row) == ["created", "started"]


async def test_a_canceled_or_ended_job_may_not_go_on(db, tenant):
    canceled, ended = await inserted(db, tenant), await inserted(db, tenant)
    await cancel(db, canceled)
    await job_moves.finish(db, ending(ended))
    for row in (canceled, ended):
        before = await again(db, row)
        assert not await job_moves.mark_running(db, ref(row))
        assert await again(db, row) == before


async def test_progress_starts_a_pending_job_and_is_written_with_its_event(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.write_progress(db, report(row, 3, waiting_for="an approval"))
    found = await again(db, row)
    assert (found.status, found.waiting_for) == (JobStatus.RUNNING, "an approval")
    assert found.progress == Progress(stage="reading", current=3, total=9)
    assert await event_types(db, row) == ["created", "started", "progress"]


async def test_progress_on_an_ended_job_changes_nothing(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.finish(db, ending(row, progress=Progress(stage="done", current=9, total=9)))
    before = await again(db, row)
    await job_moves.write_progress(db, report(row))
    assert await again(db, row) == before
    assert before.progress.percent == 100
