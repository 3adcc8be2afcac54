"""What maintenance mends between Temporal and Postgres, one kind of gap per test."""

import asyncio
import dataclasses
import time
from typing import Any

import pytest

from activities.census import Census
from jobs.ids import uuid7
from jobs.requests import CancelRequest
from jobs.status import JobStatus
from jobs.values import JobId
from storage import executions, job_lists, job_moves
from storage import jobs as job_rows
from storage.executions import Life
from storage.jobs import JobRow, NewJob
from storage.responses import State
from tests.activities.bench import Bench, benched, created, full, scripted, states, still_open
from tests.activities.status_server import Reply, StatusServer, says
from tests.installation import TENANT, Installation, eventually

STUCK = scripted(outcome="stuck")


async def age(house: Installation, columns: str, interval: str = "1 hour") -> None:
    """Make the job rows look older than they are."""
    moves = ", ".join(f"{each} = {each} - interval '{interval}'" for each in columns.split())
    await house.db.execute(f"UPDATE jobs SET {moves}")  # noqa: S608 # constants of this file


async def pending(house: Installation, payload: dict[str, Any] | None = None) -> JobId:
    """Insert a job as a gateway that dies before it starts the workflow."""
    new = NewJob(
        id=JobId(uuid7(time.time_ns() // 1_000_000)),
        tenant=TENANT,
        type="summarize_text",
        payload={"text": scripted()} if payload is None else payload,
    )
    row, _ = await job_rows.insert(house.db, new)
    house.ids.append(row.id)
    return row.id


async def repaired(house: Installation) -> None:
    assert house.deeds
    await house.deeds.maintenance.one_pass()


async def closed_in_visibility(house: Installation, job_id: JobId) -> None:
    """Wait until Temporal's visibility lists the workflow as closed."""

    async def listed() -> bool:
        query = f"WorkflowId = '{job_id}' AND ExecutionStatus != 'Running'"
        return [each.id async for each in house.client.list_workflows(query)] == [str(job_id)]

    await eventually(listed)


async def test_a_terminated_workflow_fails_its_job_and_releases_its_response(
    house: Installation,
):
    job_id = await house.submit("summarize_text", {"text": STUCK})
    await created(house)
    await eventually(lambda: house.submits(job_id), lambda rows: rows[0].response_id)
    await house.client.get_workflow_handle(str(job_id)).terminate("by an operator")
    await closed_in_visibility(house, job_id)
    await repaired(house)

    row = await house.job(job_id)
    assert row.failure
    assert (row.status, row.failure.code) == (JobStatus.FAILED, "workflow_lost")
    assert await still_open(house) == []
    assert await states(house, job_id) == ["canceled"]
    assert row.cost.responses == 1


async def test_a_terminated_workflow_of_a_canceled_job_is_recorded_as_canceled(
    house: Installation,
):
    job_id = await house.submit("summarize_text", {"text": STUCK})
    await created(house)
    await job_moves.request_cancel(house.db, TENANT, job_id, by="t", reason=None)
    await house.client.get_workflow_handle(str(job_id)).terminate("impatient")
    await closed_in_visibility(house, job_id)
    await repaired(house)
    assert (await house.job(job_id)).status is JobStatus.CANCELED


async def test_a_deleted_workflow_is_noticed_when_its_job_has_been_quiet(house: Installation):
    job_id = await house.submit("summarize_text", {"text": STUCK})
    await created(house)
    await house.forget(job_id)
    assert house.deeds
    await house.deeds.maintenance.close_lost_quiet()
    assert (await house.job(job_id)).status is JobStatus.RUNNING

    await age(house, "updated_at")
    await house.deeds.maintenance.close_lost_quiet()
    row = await house.job(job_id)
    assert row.failure
    assert row.failure.code == "workflow_lost"
    await repaired(house)
    assert await still_open(house) == []


async def test_a_pending_job_without_a_workflow_is_started(house: Installation):
    job_id = await pending(house)
    await repaired(house)
    assert (await house.job(job_id)).status is JobStatus.PENDING  # too young to be called stuck
    await age(house, "created_at", "1 minute")
    await repaired(house)
    assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED
    assert len(await house.created()) == 1


async def test_a_pending_job_whose_sweeper_died_is_started_by_the_next_one(
    house: Installation, monkeypatch: pytest.MonkeyPatch
):
    job_id = await pending(house)
    await age(house, "created_at", "1 minute")

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("storage.executions.start", killed)
        with pytest.raises(asyncio.CancelledError):
            await repaired(house)
    await age(house, "start_checked_at", "30 seconds")
    await repaired(house)
    assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_a_pending_job_that_was_seen_to_is_left_alone_for_minutes(house: Installation):
    job_id = await pending(house, {"txt": "it fits no type, and stays pending"})
    await age(house, "created_at", "1 minute")
    await repaired(house)
    await age(house, "start_checked_at", "4 minutes")
    query = "SELECT start_checked_at FROM jobs WHERE id = $1"
    before = await house.db.fetchval(query, job_id)
    await repaired(house)
    assert await house.db.fetchval(query, job_id) == before


async def test_a_job_that_no_longer_fits_its_type_does_not_keep_others_from_starting(
    house: Installation,
):
    misfit, fit = await pending(house, {"txt": "?"}), await pending(house)
    await age(house, "created_at", "1 minute")
    await repaired(house)
    assert (await house.ended(fit)).status is JobStatus.SUCCEEDED
    assert (await house.job(misfit)).status is JobStatus.PENDING


async def test_a_job_whose_payload_finds_no_room_does_not_keep_others_from_starting(
    house: Installation,
):
    large, small = await pending(house, {"text": "x" * 200_000}), await pending(house)
    await age(house, "created_at", "1 minute")
    with full(house, "payloads"):
        await repaired(house)
        assert (await house.ended(small)).status is JobStatus.SUCCEEDED
        assert (await house.job(large)).status is JobStatus.PENDING

    await repaired(house)
    assert (await house.ended(large)).status is JobStatus.SUCCEEDED


class Miscounting(Census):
    async def take(self) -> None:
        raise ZeroDivisionError("nobody thought of it")


async def test_a_repair_that_breaks_is_told_after_all_others_were_made(house: Installation):
    job_id = await pending(house)
    await age(house, "created_at", "1 minute")
    assert house.deeds
    broken = dataclasses.replace(house.deeds.maintenance, census=Miscounting(house.db))
    with pytest.raises(ZeroDivisionError):
        await broken.one_pass()
    assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_a_pending_job_that_temporal_may_have_forgotten_is_not_started_again(
    house: Installation,
):
    job_id = await pending(house)
    await age(house, "created_at updated_at", "400 days")
    await repaired(house)
    assert house.deeds
    await house.deeds.maintenance.close_lost_quiet()
    row = await house.job(job_id)
    assert row.failure
    assert row.failure.code == "workflow_lost"
    assert await executions.look(house.client, job_id) is Life.ABSENT


async def test_a_cancel_that_nobody_answered_is_repeated(house: Installation):
    job_id = await house.submit("summarize_text", {"text": STUCK})
    await created(house)
    await job_moves.request_cancel(house.db, TENANT, job_id, by="a dead gateway", reason=None)
    await age(house, "cancel_requested_at", "1 minute")
    await repaired(house)
    assert (await house.ended(job_id)).status is JobStatus.CANCELED
    assert await house.closed(job_id) == "CANCELED"
    assert await still_open(house) == []


async def test_a_canceled_job_that_never_started_is_recorded_as_canceled(house: Installation):
    job_id = await pending(house)
    await job_moves.request_cancel(house.db, TENANT, job_id, by="a client", reason=None)
    await age(house, "cancel_requested_at", "1 minute")
    await repaired(house)
    assert (await house.job(job_id)).status is JobStatus.CANCELED
    assert await house.created() == []


async def test_a_job_canceled_before_it_was_started_is_started_by_nobody(house: Installation):
    job_id = await pending(house)
    await job_moves.request_cancel(house.db, TENANT, job_id, by="a client", reason=None)
    await age(house, "created_at cancel_requested_at", "1 minute")
    await repaired(house)
    assert (await house.job(job_id)).status is JobStatus.CANCELED
    assert await executions.look(house.client, job_id) is Life.ABSENT


async def test_a_job_canceled_while_others_are_started_is_not_started_when_its_turn_comes(
    house: Installation, monkeypatch: pytest.MonkeyPatch
):
    job_id = await pending(house)
    await age(house, "created_at", "1 minute")

    async def canceled_meanwhile(*args: Any, **more: Any) -> list[JobRow]:
        rows = await unstarted(*args, **more)
        await job_moves.request_cancel(house.db, TENANT, job_id, by="a client", reason=None)
        return rows

    unstarted = job_lists.unstarted
    monkeypatch.setattr(job_lists, "unstarted", canceled_meanwhile)
    await repaired(house)
    assert await executions.look(house.client, job_id) is Life.ABSENT


async def test_a_running_job_is_left_alone(house: Installation):
    job_id = await house.submit("summarize_text", {"text": STUCK})
    await created(house)
    await age(house, "updated_at")
    assert house.deeds
    await house.deeds.maintenance.close_lost_quiet()
    await repaired(house)
    assert (await house.job(job_id)).status is JobStatus.RUNNING
    assert len(await still_open(house)) == 1
    await house.client.get_workflow_handle(str(job_id)).cancel()
    await house.ended(job_id)


async def test_an_orphaned_intent_of_an_ended_job_becomes_uncertain(
    bare: Installation, provider: StatusServer
):
    async with benched(bare, provider.url) as bench:
        step = await bench.step()
        await bench.open_intent(step)
        await bench.end(step)
        await bench.age(step, "intent_at", 120)
        await bench.deeds.maintenance.one_pass()
    assert [each.state for each in await bench.submits(step)] == [State.UNCERTAIN]


async def test_a_response_that_cannot_be_released_does_not_hold_up_those_of_other_jobs(
    bare: Installation, provider: StatusServer
):
    ids = ["resp_1", "resp_2", "resp_3"]
    provider.creates = [says("queued", id=each) for each in ids]
    provider.cancels = {each: [Reply("{}", 500)] for each in ids}
    # In the middle, so that whichever end the pass begins with, trouble comes first.
    provider.cancels["resp_2"] = [says("cancelled", id="resp_2")]
    async with benched(bare, provider.url) as bench:
        steps = [await bench.step() for _ in ids]
        for step in steps:
            await bench.submit(step)
            await bench.end(step)
        await bench.deeds.maintenance.one_pass()
    rows = [each for step in steps for each in await bench.submits(step)]
    assert [each.state for each in rows] == [State.OPEN, State.CANCELED, State.OPEN]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_cancel_the_provider_forbids_does_not_keep_the_job_from_ending(
    scripted_bench: Bench, provider: StatusServer, status: int
):
    provider.creates, provider.cancels["resp_1"] = [says("queued")], [Reply("{}", status)]
    step = await scripted_bench.step()
    await scripted_bench.submit(step)
    request = CancelRequest(job=step.job, reason="enough", job_too=True)
    await scripted_bench.run(scripted_bench.deeds.responses.cancel_responses, request)
    assert [each.state for each in await scripted_bench.submits(step)] == [State.OPEN]
    row = await scripted_bench.house.job(step.job.job_id)
    assert row.cancel_requested_at
