"""Deleting at the provider: every response of the step, and never at the cost of its answer."""

import asyncio
from typing import Any

import pytest

from activities.erasing import erase_due
from jobs.errors import ResponseFailedTransiently, ResponseRefused
from jobs.options import JobOptions, ResponseOptions
from jobs.requests import ResponseRequest, StepRequest, TextPart
from storage import deletions
from storage.responses import Submit
from tests.activities.bench import MODEL, TEXT, Bench, created, scripted
from tests.activities.lost import ledger_says, lose
from tests.activities.status_server import Reply, StatusServer, completed
from tests.installation import Installation, eventually


async def private(bench: Bench, text: str = TEXT, **more: Any) -> StepRequest:
    """Return a step whose responses are not to be kept."""
    options = ResponseOptions(model=MODEL, delete_after_collect=True)
    request = ResponseRequest(input=(TextPart(text=text),), options=options)
    return await bench.step(request=request, **more)


async def swept(bench: Bench, step: StepRequest) -> list[Submit]:
    """Make one pass of maintenance over deletions, all of which are due."""
    await bench.age(step, "delete_due", 24 * 3600)
    await erase_due(bench.house.db, bench.deeds.responses.releaser.provider)
    return await bench.submits(step)


async def deleted(bench: Bench) -> list[bool]:
    return [each["deleted"] for each in await bench.house.created()]


async def test_a_collected_response_is_deleted_once_and_its_answer_stays(bench: Bench):
    step = await private(bench)
    outcome = await bench.respond(step)
    assert await deleted(bench) == [True]
    [row] = await bench.submits(step)
    assert (row.is_deleted, row.is_delete_due) == (True, False)
    assert await bench.respond(step) == outcome
    calls = (await bench.house.emulator.get("/calls")).json()
    assert calls["DELETE /v1/responses/{response_id}"] == 1


async def test_nothing_is_deleted_that_nobody_asked_to_delete(bench: Bench):
    step = await bench.step()
    await bench.respond(step)
    [row] = await swept(bench, step)
    assert (row.is_deleted, row.is_delete_due) == (False, False)
    assert await deleted(bench) == [False]


async def test_responses_that_were_not_used_are_deleted_too(bench: Bench):
    await bench.house.emulator.post(
        "/script", json={"rules": [{"script": {"outcome": "failed"}, "times": 1}]}
    )
    step = await private(bench)
    with pytest.raises(ResponseFailedTransiently):
        await bench.respond(step)
    await bench.respond(step)
    assert await deleted(bench) == [True, True]
    assert [each.is_deleted for each in await ledger_says(bench, step, "failed", "effective")]


async def test_the_response_of_a_step_that_failed_is_deleted_by_maintenance(bench: Bench):
    step = await private(bench, scripted(outcome="refusal"))
    with pytest.raises(ResponseRefused):
        await bench.respond(step)
    assert await deleted(bench) == [False]
    [row] = await swept(bench, step)
    assert (row.is_deleted, await deleted(bench)) == (True, [True])


async def test_a_canceled_response_is_deleted_by_maintenance(bench: Bench):
    step = await private(bench, scripted(outcome="stuck"))
    await bench.deeds.responses.releaser.release(await bench.submit(step))
    [row] = await swept(bench, step)
    assert (row.state.value, row.is_deleted) == ("canceled", True)
    assert await deleted(bench) == [True]


async def test_a_response_found_late_is_deleted_too(bench: Bench):
    step = await private(bench, scripted(fault="drop_after"))
    lost = await lose(bench, step)
    await bench.respond(step)
    await bench.deeds.maintenance.adopter.consider(lost)
    rows = await swept(bench, step)
    assert {each.state.value for each in rows} == {"wasted", "effective"}
    assert [each.is_deleted for each in rows] == [True, True]
    assert await deleted(bench) == [True, True]


async def test_a_response_that_is_gone_already_counts_as_deleted(
    scripted_bench: Bench, provider: StatusServer
):
    provider.creates, provider.deletes["resp_1"] = [completed()], [Reply("{}", 404)]
    step = await private(scripted_bench)
    await scripted_bench.respond(step)
    [row] = await scripted_bench.submits(step)
    assert (row.is_deleted, row.delete_error) == (True, None)


async def test_a_refusal_for_good_is_written_down_and_the_answer_kept(
    scripted_bench: Bench, provider: StatusServer
):
    provider.creates, provider.deletes["resp_1"] = [completed("kept")], [Reply("{}", 400)]
    provider.replies["resp_1"] = [completed("kept")]
    step = await private(scripted_bench)
    assert (await scripted_bench.respond(step)).text == "kept"
    [row] = await swept(scripted_bench, step)
    assert (row.is_deleted, row.is_delete_due) == (False, False)
    assert (row.delete_error or "").startswith("provider_bad_request")
    assert len(provider.asked["resp_1/delete"]) == 1


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
async def test_what_may_work_later_is_tried_again_by_maintenance(
    scripted_bench: Bench, provider: StatusServer, status: int
):
    provider.creates = [completed("kept")]
    provider.replies["resp_1"] = [completed("kept")]
    provider.deletes["resp_1"] = [Reply("{}", status), Reply("{}", status), completed()]
    step = await private(scripted_bench)
    assert (await scripted_bench.respond(step)).text == "kept"
    for is_deleted in (False, True):
        [row] = await swept(scripted_bench, step)
        assert (row.is_deleted, row.delete_error is None) == (is_deleted, is_deleted)
    assert len(provider.asked["resp_1/delete"]) == 3


async def test_a_provider_in_trouble_is_not_asked_for_every_deletion(
    scripted_bench: Bench, provider: StatusServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.erasing.AT_ONCE", 1)
    steps = []
    for number in range(3):
        provider.creates = [completed(name=f"resp_{number}")]
        provider.deletes[f"resp_{number}"] = [Reply("{}", 503)]
        steps.append(await private(scripted_bench))
        await scripted_bench.respond(steps[-1])
        await scripted_bench.age(steps[-1], "delete_due", 24 * 3600)
    provider.asked.clear()
    await erase_due(scripted_bench.house.db, scripted_bench.deeds.responses.releaser.provider)
    assert sum(map(len, provider.asked.values())) == 1
    assert len(await deletions.due(scripted_bench.house.db, limit=9)) == 2


async def test_the_pauses_between_tries_grow_to_a_day(bench: Bench):
    step = await private(bench)
    await bench.respond(step)
    [row] = await bench.submits(step)
    db = bench.house.db
    pauses = []
    for age in ("0 seconds", "1 hour", "10 days"):
        await db.execute(
            "UPDATE responses SET delete_due = now(), settled_at = now() - $2::text::interval "
            "WHERE response_id = $1",
            row.response_id,
            age,
        )
        await deletions.postponed(db, row, "no")
        pauses.append(
            await db.fetchval(
                "SELECT extract(epoch FROM delete_due - now())::int FROM responses "
                "WHERE response_id = $1",
                row.response_id,
            )
        )
    assert pauses == [pytest.approx(each, abs=5) for each in (60, 3600, 24 * 3600)]


async def test_a_deletion_that_hangs_does_not_hold_up_the_answer(
    scripted_bench: Bench, provider: StatusServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.erasing.PATIENCE_SECONDS", 0.05)
    provider.creates, provider.deletes["resp_1"] = [completed("kept")], [completed()]
    provider.hanging = asyncio.Event()
    step = await private(scripted_bench)
    assert (await scripted_bench.respond(step)).text == "kept"
    provider.hanging.set()
    [row] = await scripted_bench.submits(step)
    assert row.is_delete_due
    [row] = await swept(scripted_bench, step)
    assert row.is_deleted


async def test_maintenance_deletes_for_a_whole_job_that_failed(house: Installation):
    options = JobOptions(model=MODEL, delete_after_collect=True)
    job_id = await house.submit("summarize_text", {"text": scripted(outcome="refusal")}, options)
    await house.ended(job_id)
    await house.db.execute("UPDATE responses SET delete_due = now()")
    assert house.deeds
    await house.deeds.maintenance.one_pass()
    [made] = await eventually(lambda: created(house), lambda found: found[0]["deleted"])
    assert made["deleted"]
