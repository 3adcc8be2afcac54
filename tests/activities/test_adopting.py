"""Adoption: a response whose reply was lost is found by its notice, and never used twice."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from activities.adopting import Adopter
from jobs.errors import ProviderFailure, StepTakenOver
from jobs.options import ResponseOptions
from jobs.requests import ResponseRequest, StepRequest, TextPart
from storage import job_moves
from storage.responses import State
from tests.activities.bench import MODEL, TEXT, Bench, benched, created, scripted
from tests.activities.lost import (
    LOST,
    LOST_AND_SLOW,
    Brisk,
    address,
    calls,
    complete,
    is_matched,
    ledger_says,
    lose,
    notify,
    posted,
    put,
)
from tests.activities.status_server import Reply, StatusServer, completed, says
from tests.installation import TENANT, eventually, waits


@pytest.fixture
async def second(bench: Bench) -> AsyncIterator[Bench]:
    """Another worker of the same installation."""
    async with benched(bench.house, bench.house.environment["OPENAI_BASE_URL"]) as second:
        yield second


def adopter(bench: Bench) -> Adopter:
    return bench.deeds.maintenance.adopter


async def creates(bench: Bench) -> int:
    return (await calls(bench.house)).get("POST /v1/responses", 0)


async def cost_is_complete(bench: Bench, step: StepRequest) -> None:
    """Check that the job's cost is the sum of the ledger."""
    submits = await bench.submits(step)
    costs = [each.cost for each in submits if each.cost]
    row = await bench.house.job(step.job.job_id)
    assert row.cost.responses == len(costs)
    assert (row.cost.usd or 0) == sum(each.usd or 0 for each in costs)
    assert row.cost.usage.output_tokens == sum(each.usage.output_tokens for each in costs)


async def nameless(bench: Bench) -> tuple[StepRequest, dict[str, str]]:
    """Open a submit that has no id yet; return the metadata of its response, too."""
    step = await bench.step()
    await bench.open_intent(step)
    return step, address(bench, step).metadata()


async def has_id(bench: Bench, step: StepRequest, number: int = 1) -> None:
    def known(submits: Sequence[Any]) -> bool:
        return len(submits) >= number and submits[number - 1].response_id is not None

    await eventually(lambda: bench.submits(step), known)


async def test_an_orphan_found_before_the_next_submit_is_the_answer(bench: Bench):
    step = await bench.step(LOST)
    lost = await lose(bench, step)
    await ledger_says(bench, step, "uncertain")
    await notify(bench.house.db, lost)
    await has_id(bench, step)
    outcome = await bench.respond(step)
    assert outcome.response_id == lost
    await ledger_says(bench, step, "effective")
    assert await creates(bench) == 1
    await cost_is_complete(bench, step)


async def test_an_orphan_that_still_runs_is_waited_for(bench: Bench, without_polls: None):
    step = await bench.step(LOST_AND_SLOW)
    lost = await lose(bench, step)
    await notify(bench.house.db, lost)
    await has_id(bench, step)
    await ledger_says(bench, step, "open")
    task = asyncio.create_task(bench.respond(step))
    await waits(bench.deeds.watcher)
    await complete(bench.house, lost)
    await notify(bench.house.db, lost)
    assert (await asyncio.wait_for(task, 10)).response_id == lost
    assert await creates(bench) == 1


async def test_an_orphan_that_finishes_first_wins_and_the_other_is_canceled(
    bench: Bench, without_polls: None
):
    step = await bench.step(LOST_AND_SLOW)
    lost = await lose(bench, step)
    task = asyncio.create_task(bench.respond(step))
    await has_id(bench, step, 2)
    await complete(bench.house, lost)
    await notify(bench.house.db, lost)

    outcome = await asyncio.wait_for(task, 10)
    first, rival = await ledger_says(bench, step, "effective", "wasted")
    assert (outcome.response_id, first.response_id) == (lost, lost)
    assert outcome.text == await bench.deeds.responses.books.text_of(first)
    assert outcome.cost.responses == 2
    found = {each["id"]: each for each in await bench.house.created()}
    assert found[rival.response_id]["status"] == "cancelled"
    assert await creates(bench) == 2
    await cost_is_complete(bench, step)


async def test_an_orphan_that_finishes_last_is_waste(bench: Bench):
    step = await bench.step(LOST_AND_SLOW)
    lost = await lose(bench, step)
    task = asyncio.create_task(bench.respond(step))
    await has_id(bench, step, 2)
    newer = (await bench.submits(step))[1].response_id
    assert newer is not None
    await complete(bench.house, newer)
    await notify(bench.house.db, newer)
    assert (await asyncio.wait_for(task, 10)).response_id == newer
    await complete(bench.house, lost)
    await notify(bench.house.db, lost)
    await ledger_says(bench, step, "wasted", "effective")
    await cost_is_complete(bench, step)


async def test_an_orphan_that_runs_beside_a_later_submit_is_canceled(
    bench: Bench, without_polls: None
):
    step = await bench.step(LOST_AND_SLOW)
    lost = await lose(bench, step)
    task = asyncio.create_task(bench.respond(step))
    await has_id(bench, step, 2)
    await notify(bench.house.db, lost)
    _, newer = await ledger_says(bench, step, "wasted", "open")
    await complete(bench.house, newer.response_id or "")
    await notify(bench.house.db, newer.response_id or "")
    assert (await asyncio.wait_for(task, 10)).cost.responses == 2


@pytest.mark.parametrize("ending", ["canceled", "ended", "work ended"])
async def test_an_orphan_of_a_job_nobody_waits_for_is_booked_and_never_used(
    bench: Bench, ending: str
):
    step = await bench.step(LOST)
    lost = await lose(bench, step)
    if ending == "canceled":
        await job_moves.request_cancel(bench.house.db, TENANT, step.job.job_id, by="t", reason=None)
    elif ending == "work ended":
        await job_moves.end_work(bench.house.db, step.job)
    else:
        await bench.end(step)
    await notify(bench.house.db, lost)
    await ledger_says(bench, step, "wasted")
    await cost_is_complete(bench, step)
    assert (await bench.house.job(step.job.job_id)).cost.responses == 1


async def test_a_notice_before_the_reply_gives_the_row_its_id_and_the_poster_agrees(bench: Bench):
    step = await bench.step(scripted(fault="slow_reply", reply_delay_seconds=0.8, run_seconds=0))
    task = asyncio.create_task(bench.respond(step))
    [made] = await created(bench.house)
    await notify(bench.house.db, made["id"])
    await has_id(bench, step)
    assert not task.done()
    assert (await task).response_id == made["id"]
    await ledger_says(bench, step, "effective")
    assert await creates(bench) == 1


async def test_a_response_of_another_installation_is_never_touched(bench: Bench):
    step = await bench.step()
    await bench.open_intent(step)
    foreign = await posted(bench, step, installation=uuid.uuid4())
    await notify(bench.house.db, foreign)
    await eventually(lambda: is_matched(bench.house.db, foreign))
    [row] = await bench.submits(step)
    assert (row.response_id, row.state) == (None, State.OPEN)
    assert not [name for name in await calls(bench.house) if "cancel" in name or "DELETE" in name]


async def test_without_a_nameless_submit_no_stranger_is_looked_at(bench: Bench):
    await notify(bench.house.db, "resp_unknown")
    await eventually(lambda: is_matched(bench.house.db, "resp_unknown"))
    assert await calls(bench.house) == {}


async def test_a_stranger_the_provider_does_not_know_yet_is_looked_at_again(bench: Bench):
    step = await bench.step(scripted(fault="drop_after", lag_seconds=0.6))
    lost = await lose(bench, step)
    await put(bench.house.db, lost)
    await adopter(bench).adopt_strangers()
    assert not await is_matched(bench.house.db, lost)

    async def adopted() -> bool:
        await adopter(bench).adopt_strangers()
        return (await bench.submits(step))[0].response_id == lost

    await eventually(adopted)


async def test_a_stranger_the_provider_never_knew_is_forgotten(bench: Bench):
    await bench.open_intent(await bench.step())
    await put(bench.house.db, "resp_unknown")
    await adopter(bench).adopt_strangers()
    assert not await is_matched(bench.house.db, "resp_unknown")
    await bench.house.db.execute("UPDATE inbox SET received_at = now() - interval '1 minute'")
    await adopter(bench).adopt_strangers()
    assert await is_matched(bench.house.db, "resp_unknown")


async def test_two_workers_adopt_once(bench: Bench, second: Bench):
    steps = [await bench.step(LOST) for _ in range(5)]
    lost = [await lose(bench, each) for each in steps]
    await asyncio.gather(
        *(adopter(each).consider(name) for each in (bench, second, bench) for name in lost)
    )
    outcomes = await asyncio.gather(*(bench.respond(each) for each in steps))
    assert [each.response_id for each in outcomes] == lost
    for step in steps:
        await ledger_says(bench, step, "effective")
        await cost_is_complete(bench, step)


async def test_two_workers_book_a_late_winner_once(bench: Bench, second: Bench):
    step = await bench.step(LOST_AND_SLOW)
    lost = await lose(bench, step)
    await bench.deeds.responses.submitter.submit(step, await bench.submits(step))
    await complete(bench.house, lost)
    await asyncio.gather(*(adopter(each).consider(lost) for each in (bench, second, bench)))
    await ledger_says(bench, step, "effective", "wasted")
    await cost_is_complete(bench, step)


async def test_what_the_provider_refuses_to_show_is_considered_again(
    scripted_bench: Bench, provider: StatusServer
):
    bench = scripted_bench
    step, metadata = await nameless(bench)
    trouble = Reply("{}", 500)  # for both clients
    provider.replies["resp_1"] = [trouble, trouble, says("queued", metadata=metadata)]
    with pytest.raises(ProviderFailure):
        await adopter(bench).consider("resp_1")
    await put(bench.house.db, "resp_1")
    assert not await is_matched(bench.house.db, "resp_1")
    await adopter(bench).adopt_strangers()
    assert (await bench.submits(step))[0].response_id == "resp_1"


async def test_a_stranger_that_is_forbidden_does_not_block_the_others(
    scripted_bench: Bench, provider: StatusServer
):
    bench = scripted_bench
    step, metadata = await nameless(bench)
    provider.replies["resp_0"] = [Reply("{}", 403)]
    provider.replies["resp_1"] = [says("queued", metadata=metadata)]
    await put(bench.house.db, "resp_0")
    await put(bench.house.db, "resp_1")
    await adopter(bench).adopt_strangers()
    assert (await bench.submits(step))[0].response_id == "resp_1"


async def test_a_proxy_that_renames_responses_does_not_confuse_adoption(
    scripted_bench: Bench, provider: StatusServer
):
    bench = scripted_bench
    step, metadata = await nameless(bench)
    renamed = json.loads(completed("renamed").body) | {"id": "x", "metadata": metadata}
    provider.replies["resp_1"] = [Reply(json.dumps(renamed))]
    await adopter(bench).consider("resp_1")
    assert (await bench.submits(step))[0].response_id == "resp_1"
    assert (await bench.respond(step)).text == "renamed"


async def test_a_rival_that_cannot_be_canceled_does_not_keep_the_answer_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.responses.PollSchedule", Brisk)
    text = scripted(fault="drop_after", outcome="stuck", cancel_fault="overloaded", fault_times=1)
    step = await bench.step(text)
    lost = await lose(bench, step)
    task = asyncio.create_task(bench.respond(step))
    await has_id(bench, step, 2)
    await complete(bench.house, lost)
    await notify(bench.house.db, lost)
    await ledger_says(bench, step, "effective", "open")
    newer = (await bench.submits(step))[1].response_id or ""
    await complete(bench.house, newer)
    assert (await asyncio.wait_for(task, 10)).response_id == lost
    await ledger_says(bench, step, "effective", "wasted")
    await cost_is_complete(bench, step)


async def test_an_orphan_cut_off_by_the_limit_is_judged_by_the_steps_options(bench: Bench):
    options = ResponseOptions(model=MODEL, on_incomplete="accept")
    text = scripted(fault="drop_after", outcome="incomplete")
    request = ResponseRequest(input=(TextPart(text=text),), options=options)
    step = await bench.step(request=request)
    lost = await lose(bench, step)
    await notify(bench.house.db, lost)
    await has_id(bench, step)
    assert (await bench.respond(step)).response_id == lost


async def test_nothing_is_submitted_beside_an_orphan_that_was_just_adopted(bench: Bench):
    step = await bench.step(LOST)
    lost = await lose(bench, step)
    earlier = await bench.submits(step)
    await adopter(bench).consider(lost)
    with pytest.raises(StepTakenOver):
        await bench.deeds.responses.submitter.submit(step, earlier)
    assert await creates(bench) == 1


async def test_an_orphan_found_while_a_later_one_is_lost_too_is_used(bench: Bench):
    text = scripted(fault="drop_after", fault_times=2, outcome="stuck")
    step = await bench.step(text)
    first = await lose(bench, step)
    second = await lose(bench, step)
    adopter = bench.deeds.maintenance.adopter
    await adopter.consider(first)
    await ledger_says(bench, step, "open", "uncertain")
    await complete(bench.house, first)
    assert (await bench.respond(step)).response_id == first
    await adopter.consider(second)
    await ledger_says(bench, step, "effective", "wasted")
    assert await creates(bench) == 2


async def test_a_second_name_for_a_stored_response_is_refused(bench: Bench):
    step = await bench.step(TEXT)
    submit = await bench.submit(step)
    with pytest.raises(StepTakenOver):
        await bench.deeds.responses.submitter.adopt(submit, "resp_other")
