"""Long proofs with worker processes: outages, terminations, drains. Run by `make prove`."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobs.status import JobStatus
from jobs.values import JobId
from local.postgres import Postgres
from local.temporal import TemporalServer
from storage.migrate import migrate
from tests.installation import Installation, eventually, installed

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]

TEXT = "The pilot ran for six weeks and cut costs by 14 percent."


def scripted(**script: object) -> str:
    """Return a text whose response behaves as told."""
    words = str(script).replace("'", '"').replace("True", "true")
    return f"{TEXT} [[emulator: {words}]]"


async def open_responses(bare: Installation) -> int:
    """Count the responses at the provider that have not ended."""
    return sum(each["terminal_at"] is None for each in await bare.created())


async def test_a_worker_told_to_stop_ends_its_waits_within_two_seconds_and_nothing_is_resubmitted(
    bare: Installation,
):
    async with bare.worker_process("first") as first:
        ids = [
            await bare.submit("summarize_text", {"text": scripted(run_seconds=12)})
            for _ in range(50)
        ]
        await eventually(bare.created, lambda found: len(found) == 50)
        await asyncio.sleep(1)  # every wait is past its POST
        began = time.monotonic()
        await first.terminate(grace=timedelta(seconds=30))
        drained = time.monotonic() - began
        assert first.exit_code == 0
    async with bare.worker_process("second"):
        rows = [await bare.ended(job_id) for job_id in ids]
    print(f"drained 50 waits in {drained:.2f} s")
    assert drained < 2
    assert {row.status for row in rows} == {JobStatus.SUCCEEDED}
    assert {row.retry_count for row in rows} == {0}
    assert len(await bare.created()) == 50


async def test_a_terminated_workflow_leaves_no_job_running_and_no_response_open_after_a_minute(
    bare: Installation,
):
    async with bare.worker_process():
        ids = [
            await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
            for _ in range(20)
        ]
        await eventually(bare.created, lambda found: len(found) == 20)
        for job_id in ids:
            await bare.client.get_workflow_handle(str(job_id)).terminate("by an operator")
        began = time.monotonic()
        rows = [await bare.ended(job_id) for job_id in ids]
        recorded = time.monotonic() - began
        await eventually(lambda: open_responses(bare), lambda count: count == 0)
        released = time.monotonic() - began
    print(
        f"20 terminated: recorded after {recorded:.1f} s, responses closed after {released:.1f} s"
    )
    assert {row.failure.code for row in rows if row.failure} == {"workflow_lost"}
    assert released < 60


@pytest.mark.parametrize("road", ["row and signal", "signal", "temporal cancel"])
async def test_the_provider_hears_of_a_cancel_within_a_second(bare: Installation, road: str):
    delays = []
    async with bare.worker_process():
        for _ in range(10):
            job_id = await bare.submit("summarize_text", {"text": scripted(outcome="stuck")})
            await eventually(partial(_response_of, bare, job_id))
            delays.append(await _cancel(bare, job_id, road))
            assert (await bare.ended(job_id)).status is JobStatus.CANCELED
            assert await bare.closed(job_id) == "CANCELED"
    print(f"{road}: the provider heard after {max(delays):.3f} s at the latest")
    assert max(delays) < 1


async def test_the_provider_hears_of_a_cancel_within_a_second_of_a_late_create_reply(
    bare: Installation,
):
    async with bare.worker_process():
        text = scripted(outcome="stuck", fault="slow_reply", reply_delay_seconds=3)
        job_id = await bare.submit("summarize_text", {"text": text})
        created = await eventually(lambda: _response_of(bare, job_id))
        await _cancel(bare, job_id, "temporal cancel", wait=False)
        assert (await bare.ended(job_id)).status is JobStatus.CANCELED
        found = await _response_of(bare, job_id)
    delay = found["cancelled_at"] - created["created_at"] - 3
    print(f"canceled {delay:.3f} s after the create's reply")
    assert delay < 1


async def _response_of(bare: Installation, job_id: object) -> dict[str, Any]:
    for each in await bare.created():
        if each["metadata"]["backburner_job"] == str(job_id):
            return each
    return {}


async def _cancel(bare: Installation, job_id, road: str, *, wait: bool = True) -> float:
    handle = bare.client.get_workflow_handle(str(job_id))
    began = time.time()
    if road == "temporal cancel":
        await handle.cancel()
    else:
        await handle.signal("cancel", "no longer needed")
    if not wait:
        return 0.0

    async def heard() -> float:
        return (await _response_of(bare, job_id)).get("cancelled_at") or 0.0

    return await eventually(heard) - began


@pytest.fixture
async def own_postgres(
    temporal: TemporalServer, emulator_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Postgres, Installation]]:
    """An installation whose Postgres may be stopped without harming other tests."""
    async with Postgres(None, fsync=False) as postgres:
        await postgres.create_database("backburner")
        await migrate(postgres.dsn())
        async with installed(
            database_url=postgres.dsn(),
            temporal_address=temporal.address,
            emulator_url=emulator_url,
            folder=tmp_path,
            queue=f"q-{uuid.uuid4().hex[:12]}",
        ) as installation:
            yield postgres, installation


async def test_two_minutes_without_postgres_lose_nothing(
    own_postgres: tuple[Postgres, Installation],
):
    postgres, bare = own_postgres
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    pick = random.Random(seed)
    async with bare.worker_process("first") as first:
        ids = [
            await bare.submit(
                "summarize_text", {"text": scripted(run_seconds=round(pick.uniform(1, 20), 1))}
            )
            for _ in range(50)
        ]
        await eventually(bare.created, lambda found: len(found) >= 25)
        await postgres.stop()
        began = time.monotonic()
        await asyncio.sleep(60)  # the length of the outage is the contract
        pending = await _pending(bare, ids)
        print(f"after a minute Temporal shows {sum(pending.values())} pending: {pending}")
        assert pending
        stopping = time.monotonic()
        await first.terminate(grace=timedelta(seconds=30))
        print(f"a worker told to stop stopped in {time.monotonic() - stopping:.1f} s")
        assert first.exit_code == 0
    await asyncio.sleep(max(0, 120 - (time.monotonic() - began)))
    await postgres.start()
    async with bare.worker_process("second"):
        rows = [await bare.ended(job_id) for job_id in ids]
        closes = {await bare.closed(job_id) for job_id in ids}
    created = await bare.created()
    submits = [each for job_id in ids for each in await bare.submits(job_id)]
    print(f"creates {len(created)}, submits in the ledger {len(submits)}")
    assert {row.status for row in rows} == {JobStatus.SUCCEEDED}
    assert closes == {"COMPLETED"}
    assert sum(each.state == "effective" for each in submits) == 50
    assert len(created) <= len(submits)


async def _pending(bare: Installation, ids: list[JobId]) -> dict[str, int]:
    """Count pending activities by type, as Temporal UI shows them."""
    counts: dict[str, int] = {}
    for job_id in ids:
        found = await bare.client.get_workflow_handle(str(job_id)).describe()
        for each in found.raw_description.pending_activities:
            name = each.activity_type.name
            counts[name] = counts.get(name, 0) + 1
    return counts
