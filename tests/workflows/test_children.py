"""Jobs that a job runs: rows, outcomes, cost, events."""

import pytest

from jobs.children import DEEPEST, child_id
from jobs.options import JobOptions
from jobs.status import JobStatus
from settings import WorkerSettings
from tests.installation import Installation, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import STUCK, all_agreed, asking, child_asks, errand, family
from tests.workflows.looking import (
    carried,
    created_by,
    events_of,
    failed_tasks,
    history_of,
    kinds,
    scripted,
    tell,
)

UNHAPPY = scripted("Anything.", outcome="failed", error_code="invalid_prompt")


async def test_a_child_gives_its_output_to_its_parent_and_has_a_row_of_its_own(house):
    job_id = await house.submit("test_parents", {"errands": [asking("first", "Hello.")]})
    parent, child = await all_agreed(house, job_id)

    assert child.id == child_id(job_id, "first")
    assert (child.parent_id, child.root_id, child.child_key) == (job_id, job_id, "first")
    assert (parent.parent_id, parent.root_id) == (None, job_id)
    [outcome] = (await house.result(job_id))["outcomes"]
    assert outcome["status"] == "succeeded"
    assert outcome["output"] == await house.result(child.id)
    assert outcome["job_id"] == str(child.id)
    assert outcome["cost"]["responses"] == 1


async def test_the_cost_and_the_retries_of_children_count_for_all_above_them(house):
    flaky = scripted("Hm.", fault="rate_limited", retry_after_seconds=0)
    inner = [asking("a", "One."), asking("b", flaky)]
    job_id = await house.submit(
        "test_parents", {"errands": [errand("inner", "test_parents", errands=inner)]}
    )
    rows = {row.child_key: row for row in await all_agreed(house, job_id)}

    leaves = rows["a"].cost + rows["b"].cost
    assert leaves.responses == 2
    assert rows["b"].retry_count == 1
    assert rows[None].cost == rows["inner"].cost == leaves
    assert rows[None].retry_count == rows["inner"].retry_count == rows["b"].retry_count
    assert rows["b"].ancestors == (job_id, rows["inner"].id)


async def test_a_parents_events_tell_of_its_children(house: Installation):
    job_id = await house.submit("test_parents", {"errands": [asking("only", "Hello.")]})
    _, child = await all_agreed(house, job_id)

    told = [each for each in await events_of(house, job_id) if each.type.startswith("child_")]
    named = {"job_id": str(child.id), "key": "only", "type": "test_asks"}
    assert [(each.type, each.data) for each in told] == [
        ("child_started", named),
        ("child_finished", named | {"status": "succeeded"}),
    ]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (asking("x", UNHAPPY), "response_failed"),
        (errand("x", "test_ends", how="job_error"), "sulking"),
        (errand("x", "test_ends", how="defect"), "job_defect"),
        (errand("x", "test_asks", prompts="no list"), "invalid_payload"),
        (errand("x", "test_asks", prompts=[], surprise=1), "invalid_payload"),
        (errand("x", "no_such_type"), "unknown_job_type"),
    ],
    ids=["provider", "own_error", "defect", "payload", "extra_field", "type"],
)
async def test_a_child_that_fails_is_an_outcome_and_the_parent_goes_on(house, wanted, code):
    row = await carried(
        house, "test_parents", {"errands": [wanted, asking("y", "Hello.")], "last_words": "Bye."}
    )
    assert row.status is JobStatus.SUCCEEDED
    first, second = (await house.result(row.id))["outcomes"]
    assert (first["status"], first["output"]) == ("failed", None)
    assert first["failure"]["code"] == code
    assert second["status"] == "succeeded"
    failed = await house.job(child_id(row.id, "x"))
    assert (failed.status, failed.failure.code) == (JobStatus.FAILED, code)


async def test_two_children_with_one_key_are_a_defect_of_the_job_type(house: Installation):
    twice = [asking("same", "One."), asking("same", "Two.")]
    row = await carried(house, "test_parents", {"errands": twice})

    assert row.failure
    assert row.failure.code == "job_defect"
    assert "'same'" in row.failure.message


async def test_jobs_that_run_themselves_end_at_a_depth(house: Installation):
    wanted = errand("leaf", "test_quiet")
    for _ in range(DEEPEST + 1):
        wanted = errand("down", "test_parents", errands=[wanted])
    job_id = await house.submit(wanted["type"], wanted["payload"])
    await house.ended(job_id)
    rows = await family(house, job_id)

    deepest = rows[-1]
    assert len(deepest.ancestors) == DEEPEST + 1
    assert deepest.failure
    assert deepest.failure.code == "nested_too_deep"


async def test_children_inherit_options_and_labels_but_not_the_deadline(house: Installation):
    options = JobOptions(model="gpt-5-mini", max_tries=2, priority=2, deadline_seconds=600)
    job_id = await house.submit("test_parents", {"errands": [asking("x", "Hello.")]}, options)
    _, child = await all_agreed(house, job_id)

    assert child.options == options.model_copy(update={"deadline_seconds": None})


async def test_all_responses_of_a_family_continue_its_root(house: Installation):
    inner = errand("inner", "test_parents", errands=[asking("leaf", "Hi.")], prompts=["Well."])
    job_id = await house.submit(
        "test_parents", {"errands": [inner], "prompts": ["So."]}, JobOptions(completion_window="2h")
    )
    rows = await all_agreed(house, job_id)

    made = [each for row in rows for each in await created_by(house, row.id)]
    told = {"completion_window": "2h", "continuation_id": str(job_id)}
    assert [each["background_options"] for each in made] == [told] * 3


async def test_a_family_outlives_a_worker_that_forgets_it_after_every_task(bare: Installation):
    """Without a cache each task replays from the start, so whatever is not durable shows."""
    inner = errand("inner", "test_parents", errands=[asking("leaf", "One.")], last_words="Two.")
    doomed = {"errands": [asking("x", UNHAPPY), asking("y", STUCK)], "is_strict": True}
    async with serving(bare, WorkerSettings(cached_workflows=0)):
        happy = await bare.submit("test_parents", {"errands": [inner], "last_words": "Three."})
        sulky = await bare.submit("test_parents", doomed | {"prompts": [STUCK]})
        slow = await bare.submit("test_parents", {"errands": [asking("z", STUCK)]})
        await child_asks(bare, slow, "z")
        await tell(bare, slow, "cancel", "too slow")
        families = [await all_agreed(bare, each) for each in (happy, sulky, slow)]
    assert [rows[0].status for rows in families] == ["succeeded", "failed", "canceled"]
    for row in (row for rows in families for row in rows):
        assert failed_tasks(await history_of(bare, row.id)) == []


@pytest.mark.usefixtures("unhurried")
async def test_a_child_costs_its_parent_few_events(house: Installation):
    job_id = await house.submit("test_parents", {"errands": [errand("x", "test_quiet")]})
    await all_agreed(house, job_id)

    found = kinds(await history_of(house, job_id))
    assert found.count("START_CHILD_WORKFLOW_EXECUTION_INITIATED") == 1
    assert "ACTIVITY_TASK_SCHEDULED" not in found
    assert len(found) <= 20, found
