"""What spoils one repair, or makes it slow, does not keep maintenance from making the others."""

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from storage.responses import State
from tests.activities.bench import Bench
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
