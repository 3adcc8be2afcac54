"""What spoils one repair, or makes it slow, does not keep maintenance from making the others."""

import asyncio
from functools import partial

import pytest
from temporalio.testing import ActivityEnvironment

from activities import side_by_side
from storage.responses import State
from tests.activities.bench import Bench
from tests.activities.status_server import StatusServer, says
from tests.installation import eventually

ONCE_A_TURN = ["storage.job_lists.quiet", "storage.inbox.forget", "storage.delivery_log.forget"]


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
