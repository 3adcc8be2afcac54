"""`gather`: order, bound, failure, and step keys that do not follow completion order."""

import asyncio
from typing import Any

from jobs.status import JobStatus
from tests.installation import Installation
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import ask, carried, created_by, scripted
from workflows.core import tasks
from workflows.core.steps import Scope


def leaves(delays: list[list[float]]) -> list[list[str]]:
    """Return prompts of a tree whose answers say where they stand."""
    return [
        [
            scripted("Anything.", output_text=f"{i}.{j}", queued_seconds=0, run_seconds=delay)
            for j, delay in enumerate(branch)
        ]
        for i, branch in enumerate(delays)
    ]


async def answers_by_key(house: Installation, delays: list[list[float]]) -> dict[str, Any]:
    row = await carried(house, "test_trees", {"branches": leaves(delays), "wide": True})
    assert row.status is JobStatus.SUCCEEDED
    said = (await house.result(row.id))["said"]
    assert [each for each in said if "." in each and len(each) == 3] == ["0.0", "0.1", "1.0", "1.1"]
    submits = await house.submits(row.id)
    assert len({each.step_key for each in submits}) == len(submits) == 12
    return {each.step_key: each.output for each in submits}


async def test_step_keys_and_results_do_not_depend_on_who_finishes_first(house: Installation):
    first = await answers_by_key(house, [[0, 0.9], [0, 0]])
    second = await answers_by_key(house, [[0.9, 0], [0.9, 0]])

    assert first == second
    assert first["branches.0/leaves.1/1"] == "0.1"
    assert first["branches~2.1/leaves.0/1"] == "1.0"
    assert "branches.1/1" in first


async def test_no_more_items_run_at_once_than_the_limit_allows(house: Installation):
    payload = {"branches": [["One.", "Two.", "Three.", "Four."]], "limit": 2}
    row = await carried(house, "test_trees", payload)

    assert row.cost.responses == 5
    assert await ask(house, row.id, "most_at_once") == 2


async def test_the_first_failure_cancels_the_other_items_and_their_responses(house: Installation):
    broken = scripted("Broken.", outcome="failed", error_code="invalid_prompt", run_seconds=0.5)
    stuck = scripted("Stuck.", outcome="stuck")
    row = await carried(house, "test_trees", {"branches": [[stuck, stuck], [stuck, broken]]})

    assert row.status is JobStatus.FAILED
    assert row.failure is not None
    assert row.failure.code == "response_failed"
    found = sorted(each["status"] for each in await created_by(house, row.id))
    assert found == ["cancelled", "cancelled", "cancelled", "failed"]


async def test_two_steps_begun_by_the_author_alone_are_two_steps(house: Installation):
    prompts = [scripted("Ask.", output_text="left"), scripted("Ask.", output_text="right")]
    row = await carried(house, "test_pairs", {"prompts": prompts})

    assert (await house.result(row.id))["said"] == ["left", "right"]
    assert sorted(each.step_key for each in await house.submits(row.id)) == ["1", "2"]


async def test_a_gather_that_a_stopping_worker_throws_away_awaits_nothing():
    begun = asyncio.all_tasks()

    async def waits(item: str) -> None:
        await asyncio.Event().wait()

    gathered = tasks.gather(["a", "b"], waits, scope=Scope(), name="items", limit=2)
    gathered.send(None)
    try:
        gathered.close()  # raises RuntimeError if something is awaited on the way out
    finally:
        for task in asyncio.all_tasks() - begun:
            task.cancel()
