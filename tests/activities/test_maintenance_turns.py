"""What spoils one repair, or makes it slow, does not keep maintenance from making the others."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import maintenance, side_by_side
from jobs.errors import ServiceUnavailable
from jobs.status import JobStatus
from jobs.values import JobId
from storage import executions, job_moves
from storage.responses import State
from tests.activities.bench import Bench
from tests.activities.status_server import StatusServer, says
from tests.installation import TENANT, eventually

ONCE_A_TURN = ["storage.job_lists.quiet", "storage.inbox.forget", "storage.delivery_log.forget"]
REFUSED = RPCError("it has been sent too many signals", RPCStatusCode.INVALID_ARGUMENT, b"")
SILENT = ServiceUnavailable("Temporal does not answer")


@pytest.mark.parametrize("broken", ONCE_A_TURN)
async def test_what_a_turn_does_once_does_not_keep_its_passes_from_being_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, broken: str
):
    async def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr(broken, breaks)
    step = await bench.step()
    await bench.open_intent(step)
    await bench.end(step)
    await bench.age(step, "intent_at", 120)
    environment = ActivityEnvironment()
    turn = asyncio.ensure_future(environment.run(bench.deeds.maintenance.sweep))
    await eventually(lambda: bench.submits(step), lambda rows: rows[0].state is State.UNCERTAIN)
    environment.worker_shutdown()
    with pytest.raises(ZeroDivisionError):
        await turn


async def test_a_provider_that_does_not_answer_holds_no_pass_up(
    scripted_bench: Bench, provider: StatusServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(side_by_side, "PATIENCE_SECONDS", 0.2)
    ids = ["resp_1", "resp_2", "resp_3"]
    provider.creates = [says("queued", id=each) for each in ids]
    provider.cancels = {each: [says("cancelled", id=each)] for each in ids}
    steps = [await scripted_bench.step() for _ in ids]
    for step in steps:
        await scripted_bench.submit(step)
        await scripted_bench.end(step)
    provider.hanging = asyncio.Event()
    async with asyncio.timeout(10):
        for _ in range(2):
            await scripted_bench.deeds.maintenance.one_pass()
    assert [len(provider.asked[f"{each}/cancel"]) for each in ids] == [1, 1, 1]

    provider.hanging.set()
    for step in steps:
        submits = partial(scripted_bench.submits, step)
        await eventually(submits, lambda rows: rows[0].state is State.CANCELED)
    await scripted_bench.deeds.maintenance.releases.stop()


async def canceled_jobs(bench: Bench, count: int) -> list[JobId]:
    """Cancel jobs without workflows, the first of them longest ago."""
    jobs = [await bench.job() for _ in range(count)]
    for minutes, job in enumerate(reversed(jobs), start=1):
        await job_moves.request_cancel(bench.house.db, TENANT, job.job_id, by="t", reason=None)
        await bench.house.db.execute(
            "UPDATE jobs SET cancel_requested_at = now() - $2::interval WHERE id = $1",
            job.job_id,
            timedelta(minutes=minutes),
        )
    return [job.job_id for job in jobs]


async def test_a_cancel_that_temporal_refuses_does_not_keep_others_from_being_repeated(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    asked = answering(monkeypatch, REFUSED, of_the_first=1)
    ids = await canceled_jobs(bench, 3)
    for _ in range(2):
        await bench.deeds.maintenance.repeat_cancels()
    rows = [await bench.house.job(each) for each in ids]
    ended = [row.id for row in rows if row.status is JobStatus.CANCELED]
    assert sorted(ended) == sorted(asked[1:])
    assert len(asked) == 3  # the refused one rests


async def test_a_silent_temporal_is_asked_so_often_and_again_in_the_next_pass(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(maintenance, "MOST_SILENCES", 2)
    asked = answering(monkeypatch, SILENT, of_the_first=2)
    ids = await canceled_jobs(bench, 4)
    await bench.deeds.maintenance.repeat_cancels()
    assert len(asked) == 2
    await bench.deeds.maintenance.repeat_cancels()
    rows = [await bench.house.job(each) for each in ids]
    assert {row.status for row in rows} == {JobStatus.CANCELED}


def answering(
    monkeypatch: pytest.MonkeyPatch, error: Exception, *, of_the_first: int
) -> list[JobId]:
    """Have the first signals end with an error; return a list that whoever is told is added to."""
    asked: list[JobId] = []

    async def ask_to_cancel(client: Client, job_id: JobId, reason: str) -> bool:
        asked.append(job_id)
        if len(asked) <= of_the_first:
            raise error
        return await really(client, job_id, reason)

    really = executions.ask_to_cancel
    monkeypatch.setattr(executions, "ask_to_cancel", ask_to_cancel)
    return asked
