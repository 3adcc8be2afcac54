"""Every road of a cancel, at every moment: Postgres and Temporal end up saying the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from temporalio.service import RPCError

from activities.closing import end_row
from jobs.queues import Queue
from jobs.status import JobStatus
from jobs.values import JobId
from settings import WorkerSettings
from storage import job_moves
from tests.installation import TENANT, Installation, eventually, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import (
    agreed,
    created_by,
    events_of,
    failed_tasks,
    history_of,
    pending_activities,
    responses_open,
    scripted,
    tell,
)

Cancel = Callable[[Installation, JobId], Awaitable[None]]
STUCK = scripted("Wait.", outcome="stuck")


async def by_signal(house: Installation, job_id: JobId) -> None:
    await tell(house, job_id, "cancel")


async def by_signal_with_reason(house: Installation, job_id: JobId) -> None:
    await tell(house, job_id, "cancel", "too slow")


async def by_two_signals(house: Installation, job_id: JobId) -> None:
    await tell(house, job_id, "cancel", "too slow")
    await tell(house, job_id, "cancel", "really")


async def by_temporal(house: Installation, job_id: JobId) -> None:
    await house.client.get_workflow_handle(str(job_id)).cancel()


async def by_both(house: Installation, job_id: JobId) -> None:
    await by_temporal(house, job_id)
    await by_signal(house, job_id)
    await by_temporal(house, job_id)


WAYS = [by_signal, by_signal_with_reason, by_two_signals, by_temporal, by_both]


@pytest.mark.parametrize("cancel", WAYS)
async def test_a_cancel_reaches_the_provider_and_closes_the_job(house, cancel: Cancel):
    job_id = await house.submit("test_trees", {"branches": [["Quick.", STUCK], [STUCK]]})
    await responses_open(house, job_id, 2)

    await cancel(house, job_id)
    row = await agreed(house, job_id)
    assert (row.status, row.failure) == (JobStatus.CANCELED, None)
    assert not row.has_result
    statuses = [each["status"] for each in await created_by(house, job_id)]
    assert sorted(statuses) == ["cancelled", "cancelled", "completed"]
    asked = [each.data for each in await events_of(house, job_id) if "cancel_req" in each.type]
    assert len(asked) == 1
    if cancel is by_signal_with_reason:
        assert asked[0]["reason"] == "too slow"


async def test_a_cancel_before_the_first_workflow_task_is_kept(bare: Installation):
    ids = [await bare.submit("test_asks", {"prompts": ["Anything."]}) for _ in WAYS]
    for cancel, job_id in zip(WAYS, ids, strict=True):
        await cancel(bare, job_id)

    async with serving(bare):
        rows = [await agreed(bare, each) for each in ids]
    assert {row.status for row in rows} == {JobStatus.CANCELED}
    for each in ids:
        assert failed_tasks(await history_of(bare, each)) == []
        assert await created_by(bare, each) == []


@pytest.mark.parametrize("cancel", [by_signal, by_temporal])
async def test_a_cancel_while_a_post_is_in_flight_cancels_what_it_creates(house, cancel: Cancel):
    prompt = scripted("Wait.", outcome="stuck", fault="slow_reply", reply_delay_seconds=1)
    job_id = await house.submit("test_asks", {"prompts": [prompt]})
    await eventually(lambda: created_by(house, job_id))

    await cancel(house, job_id)
    assert (await agreed(house, job_id)).status is JobStatus.CANCELED
    assert [each["status"] for each in await created_by(house, job_id)] == ["cancelled"]


@pytest.mark.parametrize("cancel", [by_signal, by_temporal])
async def test_a_cancel_begins_while_waits_hold_every_slot(bare: Installation, cancel: Cancel):
    async with serving(bare, WorkerSettings(waiting_responses=1)):
        waiting = await bare.submit("test_asks", {"prompts": [STUCK]})
        await responses_open(bare, waiting, 1)
        queued = await bare.submit("test_asks", {"prompts": ["Anything."]})
        await eventually(
            lambda: pending_activities(bare, queued), lambda found: found == ["respond"]
        )

        await cancel(bare, waiting)
        assert (await agreed(bare, waiting)).status is JobStatus.CANCELED
        assert [each["status"] for each in await created_by(bare, waiting)] == ["cancelled"]
        assert (await agreed(bare, queued)).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("cancel", [by_signal, by_temporal])
async def test_a_cancel_takes_another_queue_where_nobody_serves_its_own(
    bare: Installation, cancel: Cancel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workflows.core.timing.UNSERVED", timedelta(seconds=0.3))
    async with serving(bare, queues=[Queue.MAIN]):
        job_id = await bare.submit("test_asks", {"prompts": [STUCK]})
        await responses_open(bare, job_id, 1)

        await cancel(bare, job_id)
        assert (await agreed(bare, job_id)).status is JobStatus.CANCELED
        assert [each["status"] for each in await created_by(bare, job_id)] == ["cancelled"]


async def test_a_job_that_waits_finds_out_that_its_row_has_ended(bare: Installation):
    job_id = await bare.submit("test_approvals", {"prompts": []})
    await end_row(bare.db, await bare.job(job_id), JobStatus.CANCELED)

    async with serving(bare):
        assert (await agreed(bare, job_id)).status is JobStatus.CANCELED


@asynccontextmanager
async def holding_the_row(house: Installation, job_id: JobId) -> AsyncIterator[None]:
    """Keep everybody else from writing a job's row."""
    connection = await asyncpg.connect(house.environment["BACKBURNER_DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", job_id)
            yield
    finally:
        await connection.close()


async def somebody_waits_to_finish(house: Installation) -> bool:
    """Tell whether a statement that ends a job is waiting for a row."""
    found: bool = await house.db.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE '%completed_at = now()%')"
    )
    return found


@pytest.mark.parametrize("cancel", [by_signal, by_temporal, by_both])
async def test_a_cancel_while_the_ending_is_written_leaves_one_story(bare, cancel: Cancel):
    job_id = await bare.submit("test_quiet", {})
    async with AsyncExitStack() as row:
        await row.enter_async_context(holding_the_row(bare, job_id))
        async with serving(bare):
            await eventually(lambda: somebody_waits_to_finish(bare))
            await cancel(bare, job_id)
            await row.aclose()
            ended = await agreed(bare, job_id, raced=True)
    assert ended.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("payload", "status"),
    [({"prompts": ["Anything."]}, JobStatus.SUCCEEDED), ({"prompts": [scripted(
        "Anything.", outcome="failed", error_code="invalid_prompt")]}, JobStatus.FAILED)],
    ids=["succeeded", "failed"],
)  # fmt: skip
async def test_a_cancel_after_the_end_changes_nothing(house: Installation, payload, status):
    job_id = await house.submit("test_asks", payload)
    ended = await agreed(house, job_id)

    with pytest.raises(RPCError):
        await by_signal(house, job_id)
    await by_temporal(house, job_id)
    assert await agreed(house, job_id) == ended
    assert ended.status is status


async def test_a_cancel_known_to_the_row_alone_wins_over_success(house: Installation):
    prompt = scripted("Wait.", queued_seconds=0, run_seconds=0.8)
    job_id = await house.submit("test_asks", {"prompts": [prompt]})
    await responses_open(house, job_id, 1)

    await job_moves.request_cancel(house.db, TENANT, job_id, by="somebody", reason="told nobody")
    row = await agreed(house, job_id)
    assert row.status is JobStatus.CANCELED
    assert not row.has_result
    assert [each["status"] for each in await created_by(house, job_id)] == ["completed"]
    assert row.cost.responses == 1, "what was used is booked"
