"""What operators see of lost replies: each one, and what became of it."""

import asyncio

import pytest

from jobs.errors import SubmitParked
from tests.activities.bench import Bench
from tests.activities.lost import LOST, LOST_AND_SLOW, complete, ledger_says, lose, notify
from tests.installation import eventually, waits
from tests.telemetry.counted import Counts


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


def fates(counts: Counts) -> dict[str, float]:
    return counts.of("backburner_ambiguous_submits", "outcome")


async def counted(counts: Counts, fate: str) -> None:
    """Wait until a fate was counted."""

    async def found() -> bool:
        return fate in fates(counts)

    await eventually(found)


async def test_a_lost_reply_that_is_submitted_again_is_a_retry(bench: Bench, counts: Counts):
    step = await bench.step(LOST)
    await lose(bench, step)
    assert fates(counts) == {"uncertain": 1}
    await bench.respond(step)
    assert fates(counts) == {"uncertain": 1, "resubmitted": 1}
    assert counts.of("backburner_retries", "code") == {"submit_uncertain": 1}


async def test_a_parked_submit_is_counted(bench: Bench, counts: Counts):
    step = await bench.step(LOST, on_uncertain="park")
    await lose(bench, step)
    with pytest.raises(SubmitParked):
        await bench.respond(step)
    assert fates(counts) == {"uncertain": 1, "parked": 1}


async def test_an_orphan_that_is_the_answer_is_adopted(bench: Bench, counts: Counts):
    step = await bench.step(LOST)
    await notify(bench.house.db, await lose(bench, step))
    await counted(counts, "adopted")
    await bench.respond(step)
    assert fates(counts) == {"uncertain": 1, "adopted": 1}


async def test_an_orphan_that_comes_too_late_is_wasted(bench: Bench, counts: Counts):
    step = await bench.step(LOST)
    lost = await lose(bench, step)
    await bench.respond(step)
    await notify(bench.house.db, lost)
    await ledger_says(bench, step, "wasted", "effective")
    await counted(counts, "wasted")
    assert fates(counts) == {"uncertain": 1, "resubmitted": 1, "wasted": 1}


async def test_an_orphan_that_still_runs_beside_the_answer_is_released(
    bench: Bench, counts: Counts, without_polls: None
):
    step = await bench.step(LOST_AND_SLOW)
    lost = await lose(bench, step)
    task = asyncio.create_task(bench.respond(step))
    await ledger_says(bench, step, "uncertain", "open")
    await waits(bench.deeds.watcher)
    assert counts.of("backburner_responses_waiting") == {None: 1}
    await notify(bench.house.db, lost, "response.created")
    await counted(counts, "released")
    assert fates(counts) == {"uncertain": 1, "resubmitted": 1, "released": 1}
    _, second = await bench.submits(step)
    await complete(bench.house, str(second.response_id))
    await notify(bench.house.db, str(second.response_id))
    await asyncio.wait_for(task, 10)
