"""An operator names the response that answers a parked step, right or wrong."""

import uuid

import pytest

from jobs.errors import ProviderNotFound
from jobs.requests import AdoptRequest, StepRequest
from tests.activities.bench import Bench, scripted
from tests.activities.lost import LOST, complete, ledger_says, lose, posted


async def adopt(bench: Bench, step: StepRequest, response_id: str) -> None:
    request = AdoptRequest(step=step, response_id=response_id)
    await bench.run(bench.deeds.responses.adopt_response, request)


async def test_an_operators_adoption_is_repeatable(bench: Bench):
    step = await bench.step(LOST, on_uncertain="park")
    lost = await lose(bench, step)
    for _ in range(2):
        await adopt(bench, step, lost)
    assert (await bench.respond(step)).response_id == lost
    await adopt(bench, step, lost)
    await ledger_says(bench, step, "effective")


async def test_an_operator_may_adopt_an_earlier_response_than_the_last_one_lost(bench: Bench):
    text = scripted(fault="drop_after", fault_times=2, outcome="stuck")
    step = await bench.step(text, on_uncertain="park")
    first = await lose(bench, step)
    second = await lose(bench, step.model_copy(update={"retry_of": 1}))
    await adopt(bench, step, first)
    await complete(bench.house, first)
    assert (await bench.respond(step)).response_id == first
    await bench.deeds.maintenance.adopter.consider(second)
    rows = await ledger_says(bench, step, "effective", "wasted")
    assert [each.response_id for each in rows] == [first, second]
    assert len(await bench.house.created()) == 2


@pytest.mark.parametrize("whose", ["nobody", "installation", "step", "taken"])
async def test_an_operator_cannot_adopt_what_is_not_the_steps(bench: Bench, whose: str):
    step, other = await bench.step(LOST), await bench.step(LOST)
    await lose(bench, step)
    names = {"nobody": "resp_unknown", "step": await lose(bench, other)}
    if whose == "installation":
        names[whose] = await posted(bench, step, installation=uuid.uuid4())
    if whose == "taken":
        names[whose] = names["step"]
        await adopt(bench, other, names[whose])
    with pytest.raises(ProviderNotFound):
        await adopt(bench, step, names[whose])
    await ledger_says(bench, step, "uncertain")
