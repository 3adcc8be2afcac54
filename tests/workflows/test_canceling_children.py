"""Cancels and ends from outside, in a family of jobs."""

import asyncio
import random
from contextlib import suppress

import pytest
from temporalio.service import RPCError

from jobs.children import child_id
from jobs.status import JobStatus
from storage import executions, job_moves
from storage.executions import Life
from tests.installation import TENANT, Installation, eventually, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import (
    STUCK,
    all_agreed,
    asking,
    child_asks,
    errand,
    family,
    statuses_at_provider,
)
from tests.workflows.looking import agreed, events_of, responses_open, scripted, tell
from workflows.core.timing import STARTS

CANCELED, SUCCEEDED = JobStatus.CANCELED, JobStatus.SUCCEEDED


async def by_signal(house: Installation, job_id) -> None:
    await tell(house, job_id, "cancel", "too slow")


async def by_temporal(house: Installation, job_id) -> None:
    await house.client.get_workflow_handle(str(job_id)).cancel()


async def by_the_record_first(house: Installation, job_id) -> None:
    await job_moves.request_cancel(house.db, TENANT, job_id, by="api", reason="too slow")
    await by_signal(house, job_id)


WAYS = [by_signal, by_temporal, by_the_record_first]


@pytest.mark.parametrize("cancel", WAYS)
async def test_a_cancel_of_a_root_reaches_every_descendant_and_its_responses(house, cancel):
    inner = errand("inner", "test_parents", errands=[asking("leaf", STUCK)], prompts=[STUCK])
    job_id = await house.submit(
        "test_parents", {"errands": [inner, asking("quick", "Hi."), asking("slow", STUCK)],
                         "prompts": [STUCK]},
    )  # fmt: skip
    inner_id = child_id(job_id, "inner")
    await eventually(lambda: family(house, job_id), lambda rows: len(rows) == 5)
    for each in (job_id, inner_id, child_id(inner_id, "leaf"), child_id(job_id, "slow")):
        await responses_open(house, each, 1)
    await house.ended(child_id(job_id, "quick"))

    await cancel(house, job_id)
    rows = await all_agreed(house, job_id)
    assert {row.child_key: row.status for row in rows} == {
        None: CANCELED, "inner": CANCELED, "leaf": CANCELED, "slow": CANCELED, "quick": SUCCEEDED,
    }  # fmt: skip
    assert await statuses_at_provider(house, rows) == ["cancelled"] * 4 + ["completed"]
    for row in rows:
        asked = [each for each in await events_of(house, row.id) if each.type == "cancel_requested"]
        assert len(asked) == (row.status is CANCELED)
        assert (row.cancel_requested_at is not None) == (row.status is CANCELED)
    root = next(row for row in rows if row.parent_id is None)
    assert root.cost.responses == 5


async def test_a_child_canceled_by_itself_is_an_outcome_and_the_parent_goes_on(house):
    job_id = await house.submit(
        "test_parents", {"errands": [asking("a", STUCK), asking("b", "Hi.")], "last_words": "Bye."}
    )
    child = await child_asks(house, job_id, "a")
    await by_signal(house, child)

    parent, *_ = rows = await all_agreed(house, job_id)
    assert parent.status is SUCCEEDED
    first, second = (await house.result(job_id))["outcomes"]
    assert (first["status"], first["output"], first["failure"]) == ("canceled", None, None)
    assert first["cost"]["responses"] == 1
    assert second["status"] == "succeeded"
    assert parent.cost.responses == 3
    assert await statuses_at_provider(house, rows) == ["cancelled", "completed", "completed"]


async def test_a_failing_parent_cancels_its_children_before_it_ends(house: Installation):
    doomed = scripted("No.", outcome="failed", error_code="invalid_prompt", run_seconds=0.7)
    errands = [asking("a", STUCK), asking("b", STUCK), asking("c", doomed)]
    job_id = await house.submit("test_parents", {"errands": errands, "is_strict": True})
    parent, *children = rows = await all_agreed(house, job_id)

    assert parent.failure
    assert parent.failure.code == "sulking"
    assert {row.child_key: row.status for row in children} == {
        "a": CANCELED, "b": CANCELED, "c": JobStatus.FAILED,
    }  # fmt: skip
    ends = [row.completed_at for row in (*children, parent) if row.completed_at]
    assert max(ends) == parent.completed_at
    assert await statuses_at_provider(house, rows) == ["cancelled", "cancelled", "failed"]


async def test_a_cancel_known_to_the_record_alone_stops_a_parent_at_its_next_child(house):
    job_id = await house.submit(
        "test_parents",
        {"errands": [asking("a", scripted("Wait.", queued_seconds=0, run_seconds=1)),
                     errand("b", "test_quiet")], "limit": 1},
    )  # fmt: skip
    await child_asks(house, job_id, "a")
    await house.db.execute("UPDATE jobs SET cancel_requested_at = now() WHERE id = $1", job_id)

    await house.ended(job_id)
    rows = {row.child_key: row for row in await family(house, job_id)}
    assert rows[None].status is CANCELED
    assert await house.closed(job_id) == "CANCELED"
    assert "b" not in rows


async def test_a_terminated_parent_takes_its_children_with_it(house: Installation):
    job_id = await house.submit("test_parents", {"errands": [asking("a", STUCK)]})
    child = await child_asks(house, job_id, "a")
    await house.client.get_workflow_handle(str(job_id)).terminate("by an operator")

    row = await agreed(house, child)
    assert row.status is CANCELED


async def test_a_terminated_child_is_a_failed_outcome(house: Installation):
    job_id = await house.submit("test_parents", {"errands": [asking("a", STUCK)]})
    child = await child_asks(house, job_id, "a")
    await house.client.get_workflow_handle(str(child)).terminate("by an operator")

    row = await house.ended(job_id)
    assert row.status is SUCCEEDED
    [outcome] = (await house.result(job_id))["outcomes"]
    assert outcome["failure"]["code"] == "workflow_lost"
    assert house.deeds
    await house.deeds.maintenance.release_abandoned()
    assert await statuses_at_provider(house, await family(house, job_id)) == ["cancelled"]


async def test_a_cancel_before_any_child_was_opened_opens_none(bare: Installation):
    job_id = await bare.submit("test_parents", {"errands": [asking("a", STUCK)]})
    await by_signal(bare, job_id)
    async with serving(bare):
        rows = await all_agreed(bare, job_id)
    assert [row.status for row in rows if row.parent_id is None] == [CANCELED]
    assert {row.status for row in rows} == {CANCELED}
    assert await statuses_at_provider(bare, rows) in ([], ["cancelled"])


async def test_a_finished_family_is_left_alone(house: Installation):
    job_id = await house.submit("test_parents", {"errands": [asking("a", "Hi.")]})
    ended = await all_agreed(house, job_id)

    assert await job_moves.request_cancel(house.db, TENANT, job_id, by="t", reason=None)
    with pytest.raises(RPCError):
        await by_signal(house, job_id)
    assert await all_agreed(house, job_id) == ended


async def test_a_cancel_reaches_children_whose_turn_to_start_has_not_come(house: Installation):
    many = [asking(f"{n}", STUCK) for n in range(2 * STARTS + 5)]
    job_id = await house.submit("test_parents", {"errands": many, "limit": len(many)})
    await child_asks(house, job_id, "0")
    await by_signal(house, job_id)

    parent, *children = await all_agreed(house, job_id)
    assert parent.status is CANCELED
    assert {child.status for child in children} == {CANCELED}


@pytest.mark.parametrize("seed", range(8))
async def test_a_cancel_that_races_with_the_ends_of_children_leaves_one_story(house, seed):
    dice = random.Random(seed)  # noqa: S311 # not for secrets
    leaves = [
        asking(str(each), scripted("Wait.", queued_seconds=0, run_seconds=dice.uniform(0, 0.7)))
        for each in range(6)
    ]
    family_of_two = errand("inner", "test_parents", errands=leaves[:3], last_words="Well.")
    job_id = await house.submit(
        "test_parents", {"errands": [family_of_two, *leaves[3:]], "last_words": "Bye.", "limit": 3}
    )
    ends = dice.randint(0, 7)
    await eventually(
        lambda: family(house, job_id),
        lambda rows: sum(row.status.is_terminal for row in rows) >= ends,
    )
    await asyncio.sleep(dice.uniform(0, 0.1))  # the moment is what the seed chooses
    with suppress(RPCError):  # it may have ended
        await dice.choice(WAYS)(house, job_id)

    await house.ended(job_id)
    rows = await family(house, job_id)
    for each in rows:
        if await executions.look(house.client, each.id) is Life.ABSENT:
            assert (each.status, each.cost.responses) == (CANCELED, 0)
        else:
            await agreed(house, each.id, raced=True)
    rows = await family(house, job_id)
    statuses = {row.status for row in rows}
    assert statuses <= {SUCCEEDED, CANCELED}
    root = next(row for row in rows if row.parent_id is None)
    assert root.status is CANCELED or statuses == {SUCCEEDED}
    submits = [each for row in rows for each in await house.submits(row.id)]
    assert root.cost.responses == sum(each.cost is not None for each in submits)
    assert len(await house.created()) == len(submits)
