"""`respond`: typed answers, their repair, and whose options win."""

from importlib import import_module

import pytest

from jobs.options import JobOptions
from jobs.status import JobStatus
from tests.installation import Installation
from tests.workflows import job_types  # declares them
from tests.workflows.looking import carried, created_by, scripted
from tests.workflows.replaying import replay

LONG = "word " * 200


async def test_a_typed_answer_arrives_as_its_model(house: Installation):
    row = await carried(house, "test_types", {"prompts": ["The pilot ran for six weeks."]})

    assert row.status is JobStatus.SUCCEEDED
    rating, *items = (await house.result(row.id))["said"]
    assert job_types.Rating.model_validate_json(rating).title
    assert items


async def test_an_answer_that_does_not_fit_is_asked_for_once_more(house: Installation):
    rule = {"script": {"outcome": "bad_json"}, "contains": "Rate this", "times": 1}
    await house.emulator.post("/script", json={"rules": [rule]})
    row = await carried(house, "test_types", {"prompts": ["Rate this."]})

    assert row.status is JobStatus.SUCCEEDED
    assert [each.step_key for each in await house.submits(row.id)] == ["1", "2", "3"]
    assert row.cost.responses == 3
    assert row.retry_count == 0


async def test_a_second_answer_that_does_not_fit_fails_the_job(house: Installation):
    prompt = scripted("Rate this.", outcome="bad_json")
    row = await carried(house, "test_types", {"prompts": [prompt]})

    assert row.failure is not None
    assert row.failure.code == "output_mismatch"
    assert "title: Field required" in row.failure.message
    assert len(await created_by(house, row.id)) == 2


@pytest.mark.parametrize(
    ("chosen", "used"), [(None, "gpt-6-luna"), ("gpt-6-sol", "gpt-6-sol")], ids=["author", "client"]
)
async def test_the_clients_model_wins_over_the_authors(house: Installation, chosen, used):
    payload = {"prompts": ["Anything."], "model": "gpt-6-luna"}
    row = await carried(house, "test_asks", payload, JobOptions(model=chosen))

    assert [each["model"] for each in await created_by(house, row.id)] == [used]


@pytest.mark.parametrize(
    ("author", "client", "status"),
    [(16, 5000, JobStatus.SUCCEEDED), (5000, 16, JobStatus.FAILED)],
    ids=["client allows more", "client allows less"],
)
async def test_the_clients_output_limit_wins(house: Installation, author, client, status):
    payload = {"prompts": [scripted("Say.", output_text=LONG)], "max_output_tokens": author}
    row = await carried(house, "test_asks", payload, JobOptions(max_output_tokens=client))

    assert row.status is status


FUNCTION = {"type": "function", "name": "look_up", "parameters": {}, "strict": False}


async def test_a_tool_that_nobody_would_run_is_a_defect_of_the_job_and_costs_nothing(
    house: Installation,
):
    row = await carried(house, "test_asks", {"prompts": ["Look it up."], "tools": [FUNCTION]})

    assert row.failure is not None
    assert row.failure.code == "job_defect"
    assert "not 'function'" in row.failure.message
    assert await created_by(house, row.id) == []


async def test_a_tool_that_the_provider_runs_goes_along(house: Installation):
    payload = {"prompts": ["Look it up."], "tools": [{"type": "web_search"}]}
    row = await carried(house, "test_asks", payload)

    assert row.status is JobStatus.SUCCEEDED


async def test_a_job_that_asked_with_such_a_tool_before_goes_on(
    house: Installation, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as before:
        kit = import_module("workflows.core.job")  # the package has a decorator of that name
        before.setattr(kit, "run_by_callers", lambda _: [])
        payload = {"prompts": ["Look it up."], "tools": [FUNCTION]}
        row = await carried(house, "test_asks", payload)
    assert row.status is JobStatus.SUCCEEDED

    history = await house.client.get_workflow_handle(str(row.id)).fetch_history()
    await replay(history, job_types.Asks)
