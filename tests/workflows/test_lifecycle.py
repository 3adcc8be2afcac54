"""However `work` ends, Postgres, Temporal and the events say the same."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from jobs.status import JobStatus
from settings import WorkerSettings
from tests.installation import Installation, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import carried, events_of, history_of, kinds, scheduled, scripted


async def test_a_job_that_ends_well_has_its_events_in_order(house: Installation):
    row = await carried(house, "test_asks", {"prompts": ["The pilot ran for six weeks."]})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    told = [(each.type, each.data.get("current")) for each in await events_of(house, row.id)]
    assert told[0] == ("created", None)
    assert told[1] == ("started", None)
    assert told[-2:] == [("progress", 1), ("succeeded", None)]
    assert row.started_at is not None
    assert row.completed_at is not None
    assert row.created_at <= row.started_at <= row.completed_at


WAYS_TO_FAIL = {
    "job_error": ("sulking", "no, thank you"),
    "defect": ("job_defect", "ZeroDivisionError: by nothing"),
    "nothing": ("job_defect", "TypeError: work returned NoneType, not Said"),
    "another_model": ("job_defect", "TypeError: work returned Nothing, not Said"),
    "unserialisable": ("job_defect", "PydanticSerializationError"),
    "stray_cancel": ("job_defect", "CancelledError"),
    "nul_in_error": ("sulking", "beforeafter"),
    "nul": ("job_defect", "NUL"),
    "huge_progress": ("job_defect", "choose a larger unit"),
    "huge_result": ("payload_too_large", "characters of JSON"),
}


async def test_a_job_fails_with_a_code(house: Installation):
    async def fails(how: str, code: str, words: str) -> None:
        row = await carried(house, "test_ends", {"how": how})
        assert row.status is JobStatus.FAILED, how
        assert row.failure is not None, how
        assert row.failure.code == code, how
        assert words in row.failure.message
        with pytest.raises(WorkflowFailureError) as caught:
            await house.client.get_workflow_handle(str(row.id)).result()
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError), how
        assert (cause.type, cause.message) == (code, row.failure.message)

    # One installation for all: starting one costs more than all of these together.
    await asyncio.gather(*(fails(how, *why) for how, why in WAYS_TO_FAIL.items()))


async def test_nul_in_a_models_answer_is_dropped(house: Installation):
    text = '{"title": "before\\u0000after \\\\u0000", "stars": 3, "mood": null}'
    row = await carried(
        house, "test_types", {"prompts": [scripted("Rate this.", output_text=text)]}
    )

    assert row.status is JobStatus.SUCCEEDED
    assert "beforeafter \\\\u0000" in (await house.result(row.id))["said"][0]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({"outcome": "failed", "error_code": "invalid_prompt"}, "response_failed"),
        ({"outcome": "incomplete"}, "response_incomplete"),
        ({"outcome": "refusal"}, "response_refused"),
        ({"fault": "bad_request"}, "provider_bad_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_step_that_fails_for_good_gives_the_job_its_code(house, script, code):
    row = await carried(house, "test_asks", {"prompts": [scripted("Anything.", **script)]})

    assert row.status is JobStatus.FAILED
    assert row.failure is not None
    assert row.failure.code == code


async def test_what_work_has_left_behind_asks_nothing_any_more(house: Installation):
    row = await carried(house, "test_leaves_a_task", {})

    assert row.status is JobStatus.SUCCEEDED
    assert "respond" not in await scheduled(house, row.id)
    assert await house.submits(row.id) == []


async def test_a_job_outlives_a_worker_that_forgets_it_after_every_task(bare: Installation):
    """Without a cache each task replays from the start, so whatever is not durable shows."""
    async with serving(bare, WorkerSettings(cached_workflows=0)):
        payload = {"branches": [["One.", "Two."], ["Three."]], "wide": True}
        rows = [
            await carried(bare, "test_trees", payload),
            await carried(bare, "test_counts", {}),
            await carried(bare, "test_ends", {"how": "defect"}),
        ]
    assert [row.status for row in rows] == ["succeeded", "succeeded", "failed"]
    for row in rows:
        assert "WORKFLOW_TASK_FAILED" not in kinds(await history_of(bare, row.id))
