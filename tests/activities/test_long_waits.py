"""Long waits: they beat rarely, and go on elsewhere soon although they do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from activities import freeing
from activities.lease import LOST_AFTER, RENEW_SECONDS, Lease
from jobs.errors import ServiceUnavailable
from jobs.options import JobOptions
from jobs.requests import StepOutcome, Unanswered
from jobs.status import JobStatus
from jobs.values import JobId
from local.ports import free_port
from settings import WorkerSettings
from storage import long_waits
from storage.database import Database
from storage.long_waits import LongWait
from storage.responses import State
from tests.activities.bench import Bench, scripted
from tests.installation import TENANT, Installation, eventually, serving, waits
from tests.storage.rows import inserted, until_waiting

SOON = WorkerSettings(long_wait_after=timedelta(seconds=0.5))
USUAL_PRIORITY = 3
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have processes speak often, and believe soon that another one is dead."""
    monkeypatch.setattr("activities.lease.RENEW_SECONDS", 0.1)
    monkeypatch.setattr("activities.lease.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("activities.lease.LOST_AFTER", timedelta(seconds=1))


async def rows(db: Database) -> int:
    count: int = await db.fetchval("SELECT count(*) FROM long_waits")
    return count


async def long_ones(house: Installation, count: int = 1) -> None:
    await eventually(lambda: rows(house.db), lambda found: found == count)


async def heartbeat_timeouts(house: Installation, job_id: JobId) -> list[int]:
    """Return the heartbeat timeouts, in seconds, of the waits in a job's history."""
    history = await house.client.get_workflow_handle(str(job_id)).fetch_history()
    scheduled = [each for each in history.events if each.event_type == SCHEDULED]
    found = [each.activity_task_scheduled_event_attributes for each in scheduled]
    waits = [each for each in found if each.activity_type.name == "respond"]
    return [each.heartbeat_timeout.seconds for each in waits]


async def test_the_rest_of_a_long_wait_beats_rarely(bare: Installation):
    async with serving(bare, SOON):
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await long_ones(bare)
        [made] = await bare.created()
        await bare.emulator.post(f"/responses/{made['id']}/complete")
        row = await bare.ended(job_id)
        assert await rows(bare.db) == 0
    assert (row.status, row.retry_count) == (JobStatus.SUCCEEDED, 0)
    assert await heartbeat_timeouts(bare, job_id) == [30, 120]
    assert len(await bare.created()) == 1


async def priorities(house: Installation, job_id: JobId) -> dict[str, int]:
    """Return the place in the queue of each kind of activity in a job's history, of the last."""
    history = await house.client.get_workflow_handle(str(job_id)).fetch_history()
    scheduled = [
        each.activity_task_scheduled_event_attributes
        for each in history.events
        if each.event_type == SCHEDULED
    ]
    return {each.activity_type.name: each.priority.priority_key for each in scheduled}


async def test_a_short_wait_has_no_rest(bare: Installation):
    async with serving(bare):
        job_id = await bare.submit("summarize_text", {"text": scripted(run_seconds=0.5)})
        await bare.ended(job_id)
    assert await heartbeat_timeouts(bare, job_id) == [30]


async def test_long_waits_of_a_killed_worker_go_on_elsewhere(bare: Installation, impatient: None):
    bare.environment["BACKBURNER_LONG_WAIT_AFTER"] = "PT0.5S"
    process = bare.worker_process()
    await process.start()
    stuck = scripted(outcome="stuck")
    ids = [await bare.submit("summarize_text", {"text": stuck}) for _ in range(3)]
    await long_ones(bare, 3)
    await process.kill()

    async with serving(bare) as deeds:
        await waits(deeds.watcher, 3)
        for each in await bare.created():
            await bare.emulator.post(f"/responses/{each['id']}/complete")
        ended = [await bare.ended(job_id) for job_id in ids]
    assert {(row.status, row.retry_count) for row in ended} == {(JobStatus.SUCCEEDED, 0)}
    assert len(await bare.created()) == 3
    assert {each.state for job_id in ids for each in await bare.submits(job_id)} == {
        State.EFFECTIVE
    }
    assert await rows(bare.db) == 0


@asynccontextmanager
async def nobody_begins(house: Installation) -> AsyncIterator[None]:
    """Hold up every process that begins a long wait, and in the end whoever was held up."""
    connection = await asyncpg.connect(house.environment["BACKBURNER_DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE long_waits IN SHARE MODE")
            yield
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
    finally:
        await connection.close()


async def test_a_long_wait_that_a_killed_worker_never_began_goes_on_elsewhere(
    bare: Installation, impatient: None
):
    bare.environment["BACKBURNER_LONG_WAIT_AFTER"] = "PT0.5S"
    process = bare.worker_process()
    await process.start()
    async with nobody_begins(bare):
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await until_waiting(bare.db)
        await process.kill()
    assert await rows(bare.db) == 0

    async with serving(bare, SOON) as deeds:
        await waits(deeds.watcher, 1)
        assert await rows(bare.db) == 1
        [made] = await bare.created()
        await bare.emulator.post(f"/responses/{made['id']}/complete")
        assert (await bare.ended(job_id)).status is JobStatus.SUCCEEDED
    assert await heartbeat_timeouts(bare, job_id) == [30, 120]


async def test_a_long_wait_that_lives_is_not_taken_for_one_that_nobody_began(
    bare: Installation, impatient: None, monkeypatch: pytest.MonkeyPatch
):
    async with serving(bare, SOON) as deeds:
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await long_ones(bare)
        second = timedelta(seconds=1)
        await eventually(lambda: freeing.long_waits_of(bare.client, job_id, second), bool)

        async def that_one(*_: object, **__: object) -> list[JobId]:
            return [job_id]

        monkeypatch.setattr("storage.long_waits.jobs_without", that_one)
        await deeds.responses.lease.free_strays()
        assert await attempts(bare, job_id) == [1]
        await bare.db.execute("DELETE FROM long_waits")
        await deeds.responses.lease.free_strays()
        await eventually(lambda: attempts(bare, job_id), lambda found: found > [1])


async def test_a_short_wait_is_never_freed(bare: Installation):
    async with serving(bare) as deeds:
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await waits(deeds.watcher, 1)
        assert await attempts(bare, job_id) == [1]
        assert await freeing.long_waits_of(bare.client, job_id, timedelta(0)) == []
    assert await freeing.long_waits_of(bare.client, JobId(uuid4()), timedelta(0)) == []


async def attempts(house: Installation, job_id: JobId) -> list[int]:
    """Return at which attempt each pending activity of a job is."""
    found = await house.client.get_workflow_handle(str(job_id)).describe()
    return [each.attempt for each in found.raw_description.pending_activities]


async def test_a_canceled_long_wait_is_canceled_at_the_provider(bare: Installation):
    async with serving(bare, SOON):
        job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
        await long_ones(bare)
        await bare.client.get_workflow_handle(str(job_id)).signal("cancel", "by the test")
        assert (await bare.ended(job_id)).status is JobStatus.CANCELED
        [made] = await bare.created()
        assert made["cancelled_at"]
        await long_ones(bare, 0)
    assert (await priorities(bare, job_id))["respond"] < USUAL_PRIORITY


async def test_a_wait_has_parts_only_where_the_workflow_knows_of_them(bench: Bench):
    bench.deeds.responses.lease.long_wait_after = timedelta(0)
    step = await bench.step(scripted(run_seconds=0.3))
    outcome = await bench.run(
        bench.deeds.responses.respond, step.model_copy(update={"wait": "first"})
    )
    assert isinstance(outcome, Unanswered)
    [made] = await bench.house.created()
    assert outcome.waits_for == made["id"]
    assert isinstance(await bench.run(bench.deeds.responses.respond, step), StepOutcome)


@pytest.fixture
async def lost(bare: Installation) -> LongWait:
    """A wait of a process that has died, which Temporal knows nothing of."""
    wait = LongWait((await inserted(bare.db, TENANT)).id, str(uuid4()), "1")
    await long_waits.begin(bare.db, await dead(bare.db), wait)
    return wait


async def dead(db: Database) -> UUID:
    worker_id = uuid4()
    await db.execute("INSERT INTO workers VALUES ($1, now() - interval '1 minute')", worker_id)
    return worker_id


@pytest.fixture
async def lease(bare: Installation) -> Lease:
    return Lease(bare.db, bare.client, timedelta(seconds=60))


async def test_what_temporal_does_not_know_is_forgotten(
    bare: Installation, lease: Lease, lost: LongWait
):
    await lease.free_lost()
    assert await rows(bare.db) == 0


def turns_needed() -> int:
    """Return how many turns without a gap make a process believe in another one's death."""
    return int(LOST_AFTER.total_seconds() / RENEW_SECONDS) + 1


async def test_nobody_is_believed_to_be_dead_by_one_who_was_just_silent_itself(
    bare: Installation, lease: Lease, lost: LongWait
):
    await long_waits.renew(bare.db, lease.worker_id)
    for _ in range(turns_needed() - 1):
        await lease.turn()
    silent = "UPDATE workers SET seen_at = now() - interval '11 s' WHERE id = $1"
    await bare.db.execute(silent, lease.worker_id)
    for _ in range(turns_needed()):  # the first of them learns of the silence
        await lease.turn()
        assert await rows(bare.db) == 1
    await lease.turn()
    assert await rows(bare.db) == 0


async def test_while_postgres_is_away_nobody_is_believed_to_be_dead(
    bare: Installation, lease: Lease, lost: LongWait, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(turns_needed()):
        await lease.turn()

    async def away(*_: object) -> None:
        raise ServiceUnavailable("Postgres does not answer")

    with monkeypatch.context() as patch:
        patch.setattr("storage.long_waits.renew", away)
        with pytest.raises(ServiceUnavailable):
            await lease.turn()
    await lease.turn()
    assert await rows(bare.db) == 1


async def test_a_wait_that_could_not_be_freed_is_tried_again(
    bare: Installation, lost: LongWait, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.freeing.RPC_TIMEOUT", timedelta(seconds=0.2))
    nowhere = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    assert not await Lease(bare.db, nowhere, timedelta(0)).free_lost()
    assert await rows(bare.db) == 1
    await Lease(bare.db, bare.client, timedelta(0)).free_lost()
    assert await rows(bare.db) == 1  # somebody is at it
    await bare.db.execute("UPDATE long_waits SET claimed_until = now()")
    await Lease(bare.db, bare.client, timedelta(0)).free_lost()
    assert await rows(bare.db) == 0


async def test_a_crowd_is_freed_turn_by_turn_and_the_living_are_left_alone(
    bare: Installation, lease: Lease, lost: LongWait, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.lease.AT_ONCE", 2)
    gone, living = await dead(bare.db), Lease(bare.db, bare.client, timedelta(0))
    async with living.running():
        kept = LongWait((await inserted(bare.db, TENANT)).id, "run", "1")
        await long_waits.begin(bare.db, living.worker_id, kept)
        for number in range(4):
            wait = LongWait(lost.job_id, str(uuid4()), f"of-{number}")
            await long_waits.begin(bare.db, gone, wait)
        assert [await lease.free_lost() for _ in range(3)] == [True, True, False]
        assert await bare.db.fetchval("SELECT token FROM long_waits") == kept.token
        assert await rows(bare.db) == 1


async def test_the_rest_of_a_wait_submits_nothing(bench: Bench):
    step = (await bench.step()).model_copy(update={"wait": "rest"})
    outcome = await bench.run(bench.deeds.responses.respond, step)
    assert outcome == Unanswered(waits_for=None)
    assert await bench.house.created() == []


async def test_a_long_response_that_failed_is_submitted_again_with_frequent_heartbeats(
    bare: Installation,
):
    async with serving(bare, SOON):
        text = scripted(outcome="failed", run_seconds=2)
        job_id = await bare.submit("summarize_text", {"text": text}, JobOptions(max_tries=2))
        row = await bare.ended(job_id)
    assert row.failure
    assert row.failure.code == "tries_exhausted"
    assert await heartbeat_timeouts(bare, job_id) == [30, 120, 30, 120, 30]
    assert len(await bare.created()) == 2


async def test_a_process_that_ends_is_forgotten(bare: Installation, lease: Lease):
    async with lease.running():
        assert await known(bare.db, lease)
    assert not await known(bare.db, lease)


async def known(db: Database, lease: Lease) -> bool:
    query = "SELECT EXISTS (SELECT FROM workers WHERE id = $1)"
    return bool(await db.fetchval(query, lease.worker_id))
