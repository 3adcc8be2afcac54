"""Schedules start jobs, and Temporal's overlap policies mean what they say for the jobs."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest
from temporalio import activity

from jobs.errors import ScheduleNotFound
from jobs.schedules.model import Interval, Overlap, ScheduledJob, When
from jobs.status import JobStatus
from storage import executions, jobs, schedules
from storage.database import Database
from storage.jobs import NewJob
from tests.installation import Installation, eventually, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import (
    agreed,
    created_by,
    pending_activities,
    responses_open,
    scripted,
    tell,
)
from tests.workflows.scheduling import FAILING, HOURLY, QUIET, WAITING, Scheduled, scheduled

STUCK = ScheduledJob(type="summarize_text", payload={"text": scripted("Wait.", outcome="stuck")})


async def approve(house: Installation, row) -> None:
    await tell(house, row.id, "decide", {"approved": True, "by": "Ada"})


async def waiting(it: Scheduled, *before: str) -> None:
    """Wait until the last job waits for its approval."""

    async def last():
        rows = await it.jobs()
        return [str(each.status) for each in rows[:-1]], rows[-1:] and rows[-1].waiting_for

    await eventually(last, lambda seen: seen[0] == list(before) and seen[1])


async def test_a_run_becomes_a_job_that_says_whose_it_is(house: Installation):
    own = {"team": "a"}
    async with scheduled(house, QUIET.model_copy(update={"labels": own}), name="daily") as it:
        await it.trigger()
        [row] = await it.have("succeeded")
        assert await it.closed_as() == "COMPLETED"
        await agreed(house, row.id)
    due = datetime.fromisoformat(row.labels["backburner.scheduled_at"])
    assert row.labels == {**own, "backburner.schedule": "daily", **row.labels}
    assert abs(datetime.now(UTC) - due) < timedelta(minutes=1)
    assert row.id == it.stored.job_id(due)


async def test_a_period_runs_once_for_each_of_its_times(house: Installation):
    when = When(intervals=[Interval(every_seconds=1)])
    async with scheduled(house, QUIET, when, remaining_runs=3, overlap="buffer_all") as it:
        rows = await it.have("succeeded", "succeeded", "succeeded")
        assert (await it.described()).remaining_runs == 0
    times = [datetime.fromisoformat(each.labels["backburner.scheduled_at"]) for each in rows]
    assert [later - earlier for earlier, later in pairwise(times)] == [timedelta(seconds=1)] * 2


async def test_skip_leaves_out_what_is_due_while_a_job_runs(house: Installation):
    async with scheduled(house, WAITING, overlap="skip") as it:
        await it.trigger()
        await waiting(it)
        await it.trigger()
        await eventually(it.described, lambda found: found.skipped == 1)
        [row] = await it.jobs()
        await approve(house, row)
        assert await it.closed_as() == "COMPLETED"
        await it.trigger()
        await waiting(it, "succeeded")
        await approve(house, (await it.jobs())[1])
        await it.have("succeeded", "succeeded")


@pytest.mark.parametrize(("overlap", "kept"), [("buffer_one", 1), ("buffer_all", 2)])
async def test_a_buffer_starts_the_next_job_when_the_one_before_has_ended(house, overlap, kept):
    async with scheduled(house, WAITING, overlap=overlap) as it:
        await it.trigger()
        await waiting(it)
        for number in (1, 2):
            await it.trigger()
            await eventually(it.described, lambda found: found.waiting == min(number, kept))  # noqa: B023 # awaited at once
        for done in range(1 + kept):
            await waiting(it, *["succeeded"] * done)
            await approve(house, (await it.jobs())[-1])
        await it.have(*["succeeded"] * (1 + kept))
        assert (await it.described()).waiting == 0


@pytest.mark.parametrize("overlap", ["cancel_other", "terminate_other"])
async def test_the_newcomer_ends_the_job_before_it_and_its_responses(house, overlap):
    async with scheduled(house, STUCK, overlap=overlap) as it:
        await it.trigger()
        [first] = await it.have("running")
        await responses_open(house, first.id, 1)
        await it.trigger()
        rows = await it.have("canceled", "running")
        assert (await agreed(house, first.id)).failure is None
        assert [each["status"] for each in await created_by(house, first.id)] == ["cancelled"]
        await responses_open(house, rows[1].id, 1)
        await tell(house, rows[1].id, "cancel", "enough")
        await it.have("canceled", "canceled")
        [before, after] = [await it.closed_as(each) for each in (0, 1)]
        assert before == {"cancel_other": "CANCELED", "terminate_other": "TERMINATED"}[overlap]
        assert after == "COMPLETED", "its job was canceled, not the run"


async def test_cancel_other_starts_nothing_before_the_other_has_cleaned_up(house: Installation):
    slow = scripted("Wait.", outcome="stuck", cancel_fault="server_error", fault_times=2)
    job = ScheduledJob(type="summarize_text", payload={"text": slow})
    async with scheduled(house, job, overlap="cancel_other") as it:
        await it.trigger()
        [first] = await it.have("running")
        await responses_open(house, first.id, 1)
        await it.trigger()
        await it.have("canceled", "running")
        rows = await it.jobs()
        assert rows[0].completed_at is not None
        assert rows[0].completed_at <= rows[1].created_at
        await tell(house, rows[1].id, "cancel", "enough")
        await it.have("canceled", "canceled")


async def test_allow_all_lets_jobs_run_side_by_side(house: Installation):
    async with scheduled(house, WAITING, overlap="allow_all") as it:
        for count in (1, 2, 3):
            await it.trigger()
            await it.have(*["running"] * count)
        for row in await it.jobs():
            await approve(house, row)
        await it.have(*["succeeded"] * 3)


async def test_canceling_a_run_in_temporal_cancels_its_job(house: Installation):
    async with scheduled(house, STUCK) as it:
        await it.trigger()
        [row] = await it.have("running")
        await responses_open(house, row.id, 1)
        [run] = await eventually(it.runs)
        await house.client.get_workflow_handle(run).cancel()
        assert await it.closed_as() == "CANCELED"
        assert (await agreed(house, row.id)).status is JobStatus.CANCELED


@pytest.mark.parametrize("is_started", [False, True], ids=["by the run", "by maintenance"])
async def test_a_run_canceled_while_it_opens_its_job_closes_after_it(
    house, monkeypatch, is_started
):
    insert = jobs.insert
    runs: asyncio.Queue[str] = asyncio.Queue()

    async def canceled_meanwhile(db: Database, job: NewJob):
        run = activity.info().workflow_id or ""
        await house.client.get_workflow_handle(run).cancel()
        runs.put_nowait(run)
        row, is_new = await insert(db, job)
        if is_started:
            await executions.start(house.client, house.queue, house.job_types[row.type], row)
        return row, is_new

    monkeypatch.setattr("activities.scheduling.jobs.insert", canceled_meanwhile)
    async with scheduled(house, STUCK) as it:
        await it.trigger()
        run = await runs.get()
        [row] = await it.have("canceled")
        assert await it.closed_as() == "CANCELED"
        closed = (await house.client.get_workflow_handle(run).describe()).close_time
        assert row.completed_at is not None
        assert closed is not None
        assert row.completed_at <= closed
        assert (await agreed(house, row.id)).failure is None
        assert {each["status"] for each in await created_by(house, row.id)} <= {"cancelled"}


async def test_a_failed_job_pauses_its_schedule_when_it_shall(house: Installation):
    async with scheduled(house, FAILING, pause_on_failure=True) as it:
        await it.trigger()
        [row] = await it.have("failed")
        assert await it.closed_as() == "FAILED"
        found = await eventually(it.described, lambda found: found.paused)
        assert "sulking" in (found.note or "") or "fail" in (found.note or "")
        assert row.failure is not None
        assert row.failure.code == "sulking"


async def test_a_canceled_job_pauses_nothing(house: Installation):
    async with scheduled(house, WAITING, pause_on_failure=True) as it:
        await it.trigger()
        await waiting(it)
        [row] = await it.jobs()
        await tell(house, row.id, "cancel", "not today")
        assert await it.closed_as() == "COMPLETED"
        assert not (await it.described()).paused


async def test_a_job_that_no_longer_fits_its_type_fails_and_says_so(house: Installation):
    for name, job, words in (
        ("old", ScheduledJob(type="summarize_text", payload={"words": "a"}), "no longer fits"),
        ("gone", ScheduledJob(type="was_once", payload={}), "no job type 'was_once'"),
    ):
        async with scheduled(house, job, name=name) as it:
            await it.trigger()
            [row] = await it.have("failed")
            assert row.failure is not None
            assert row.failure.code == "schedule_broken"
            assert words in row.failure.message
            assert await it.closed_as() == "FAILED"


async def test_a_backfill_gives_each_time_one_job_however_often_it_is_asked_for(
    house: Installation,
):
    end = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=2)
    span = (end - timedelta(hours=2), end)
    async with scheduled(house, QUIET, HOURLY) as it:
        await schedules.backfill(it.at, "it", [span], Overlap.ALLOW_ALL, key=None)
        assert [await it.closed_as(number) for number in (0, 1)] == ["COMPLETED"] * 2
        rows = await it.have("succeeded", "succeeded")
        await schedules.backfill(it.at, "it", [span], Overlap.BUFFER_ALL, key=None)
        assert [await it.closed_as(number) for number in (2, 3)] == ["COMPLETED"] * 2
        assert await it.jobs() == rows
    times = {each.labels["backburner.scheduled_at"] for each in rows}
    expected = [end.replace(minute=0) - timedelta(hours=hours) for hours in (0, 1)]
    assert times == {f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in expected}


async def test_a_trigger_with_a_key_happens_once(house: Installation):
    async with scheduled(house, QUIET, overlap="allow_all") as it:
        for number, key in enumerate(("once", "once", "twice")):
            await it.trigger(key=key)
            await it.have(*["succeeded"] * (1 + number // 2))
        assert (await it.described()).started == 2


async def test_a_paused_schedule_runs_by_hand_only(house: Installation):
    when = When(intervals=[Interval(every_seconds=1)])
    async with scheduled(house, QUIET, when, overlap="allow_all") as it:
        await eventually(it.jobs)
        await schedules.pause(it.at, "it", "enough")
        found = await eventually(it.described, lambda found: found.paused)
        assert (found.note, found.next_runs) == ("enough", ())
        before = await it.runs()
        await it.trigger()
        after = await eventually(it.runs, lambda runs: runs != before)
        assert len(set(after) - set(before)) == 1


async def test_schedules_of_two_installations_on_one_namespace_do_not_meet(bare: Installation):
    async with scheduled(bare, QUIET, name="same") as it:
        elsewhere = schedules.Address(bare.client, f"{bare.queue}.2", it.at.tenant)
        await eventually(lambda: _ids(it.at), lambda found: found == ["same"])
        assert await _ids(elsewhere) == []
        with pytest.raises(ScheduleNotFound):
            await schedules.describe(elsewhere, "same")


async def _ids(at: schedules.Address) -> list[str]:
    return (await schedules.page(at, limit=10, token=b""))[0]


async def test_a_run_waits_for_a_job_that_somebody_else_has_started(house: Installation):
    async with scheduled(house, WAITING, HOURLY) as it:
        due = await it.started_before()
        await waiting(it)
        await schedules.backfill(it.at, "it", [(due, due)], Overlap.SKIP, key=None)
        [run] = await eventually(it.runs)
        await eventually(
            lambda: pending_activities(house, run), lambda found: found == ["child_outcome"]
        )
        await house.client.get_workflow_handle(run).cancel()
        assert await it.closed_as() == "CANCELED"
        [row] = await it.jobs()
        assert (await agreed(house, row.id)).status is JobStatus.CANCELED


async def test_a_run_that_is_canceled_before_it_has_a_job_leaves_none_pending(bare: Installation):
    async with scheduled(bare, QUIET) as it:
        await it.trigger()
        [run] = await eventually(it.runs)
        await bare.client.get_workflow_handle(run).cancel()
        async with serving(bare):
            assert await it.closed_as() == "CANCELED"
            await it.have("canceled")


async def test_a_run_that_cannot_write_its_job_waits_for_postgres(house: Installation):
    async with scheduled(house, QUIET) as it:
        connection = await asyncpg.connect(house.environment["BACKBURNER_DATABASE_URL"])
        async with connection.transaction():
            await connection.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")
            await it.trigger()
            [run] = await eventually(it.runs)
            handle = house.client.get_workflow_handle(run)

            async def tries():
                history = await handle.fetch_history()
                return [
                    each
                    for each in history.events
                    if each.HasField("activity_task_scheduled_event_attributes")
                ]

            await eventually(tries)
        await connection.close()
        await it.have("succeeded")
        assert await it.closed_as() == "COMPLETED"
