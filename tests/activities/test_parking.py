"""Parked submits: the job waits for an operator, or for the lost response to turn up."""

from collections.abc import Callable

import pytest

from jobs.options import JobOptions
from jobs.requests import SubmitDecision
from jobs.status import JobStatus
from jobs.values import JobId
from storage import executions, job_moves
from storage.jobs import JobRow
from tests.activities.bench import MODEL, TEXT, created, scripted, states
from tests.activities.lost import complete, notify
from tests.installation import TENANT, Installation, eventually

PARK = JobOptions(model=MODEL, on_uncertain="park")


async def parked(house: Installation, options: JobOptions = PARK, **script: object) -> JobId:
    """Start a job and wait until its only submit is parked."""
    text = scripted(**{"fault": "drop_after", "run_seconds": 0} | script)
    job_id = await house.submit("summarize_text", {"text": text}, options)
    row = await waits(house, job_id, lambda words: words.startswith("submit_uncertain"))
    assert row.status is JobStatus.RUNNING
    return job_id


async def waits(house: Installation, job_id: JobId, fits: Callable[[str], bool]) -> JobRow:
    return await eventually(
        lambda: house.job(job_id),
        lambda row: row.status.is_terminal or fits(row.waiting_for or ""),
    )


async def decide(
    house: Installation, job_id: JobId, name: str, response_id: str | None = None, **more: object
) -> None:
    decision = SubmitDecision.model_validate({"response_id": response_id, **more})
    assert await executions.signal(house.client, job_id, name, decision)


async def succeeded(house: Installation, job_id: JobId) -> None:
    row = await house.ended(job_id)
    assert (row.status, row.waiting_for, row.failure) == (JobStatus.SUCCEEDED, None, None)


async def test_a_retry_submits_again(house: Installation):
    job_id = await parked(house)
    await decide(house, job_id, "retry")
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["uncertain", "effective"]
    assert len(await house.created()) == 2


async def test_a_retry_decides_about_one_submit_only(house: Installation):
    job_id = await parked(house, fault_times=2)
    await decide(house, job_id, "retry")
    row = await waits(house, job_id, lambda words: words.endswith("submit 2"))
    assert row.status is JobStatus.RUNNING
    assert await states(house, job_id) == ["uncertain", "uncertain"]
    assert len(await house.created()) == 2
    await decide(house, job_id, "retry")
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["uncertain", "uncertain", "effective"]


async def test_a_decision_about_another_submit_is_void(house: Installation):
    job_id = await parked(house, fault_times=2)
    await decide(house, job_id, "retry", submit_number=2)  # not parked, and never was
    await decide(house, job_id, "retry", submit_number=1)
    await waits(house, job_id, lambda words: words.endswith("submit 2"))
    await decide(house, job_id, "retry", submit_number=1)  # clicked twice
    await decide(house, job_id, "adopt", "resp_of_nobody", submit_number=1)
    row = await house.job(job_id)
    assert row.waiting_for == "submit_uncertain: step 1, submit 2"
    assert len(await house.created()) == 2
    first, second = [each["id"] for each in await house.created()]
    await decide(house, job_id, "adopt", second, submit_number=2)
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["uncertain", "effective"]
    assert first not in {each.response_id for each in await house.submits(job_id)}


async def test_a_rejection_after_a_retry_is_tried_again_and_does_not_park(house: Installation):
    rules = [
        {"script": {"fault": "drop_after"}, "times": 1},
        {"script": {"fault": "overloaded"}, "times": 1},
    ]
    await house.emulator.post("/script", json={"rules": rules})
    job_id = await house.submit("summarize_text", {"text": TEXT}, PARK)
    await waits(house, job_id, lambda words: words.startswith("submit_uncertain"))
    await decide(house, job_id, "retry")
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["uncertain", "rejected", "effective"]


async def test_an_adoption_pays_once(house: Installation):
    job_id = await parked(house)
    [lost] = await house.created()
    await decide(house, job_id, "adopt", lost["id"])
    await succeeded(house, job_id)
    [row] = await house.submits(job_id)
    assert (row.state.value, row.response_id) == ("effective", lost["id"])
    assert len(await house.created()) == 1


async def test_a_wrong_id_is_shown_and_the_job_stays_parked(house: Installation):
    job_id = await parked(house)
    await decide(house, job_id, "adopt", "resp_of_nobody")
    row = await waits(house, job_id, lambda words: "resp_of_nobody" in words)
    assert row.status is JobStatus.RUNNING
    [lost] = await house.created()
    await decide(house, job_id, "adopt", lost["id"])
    await succeeded(house, job_id)
    assert len(await house.created()) == 1


async def test_a_notice_of_the_lost_response_ends_the_parking(house: Installation):
    job_id = await parked(house)
    [lost] = await house.created()
    await notify(house.db, lost["id"])
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["effective"]


async def test_a_lost_response_that_still_runs_ends_the_parking_too(house: Installation):
    job_id = await parked(house, outcome="stuck")
    [lost] = await house.created()
    await notify(house.db, lost["id"])
    await eventually(lambda: states(house, job_id), lambda found: found == ["open"])
    await complete(house, lost["id"])
    await notify(house.db, lost["id"])
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["effective"]


async def test_a_lost_response_that_failed_is_known_to_have_failed(house: Installation):
    job_id = await parked(house, outcome="refusal")
    [lost] = await house.created()
    await notify(house.db, lost["id"])
    row = await house.ended(job_id)
    assert (row.status, row.failure and row.failure.code) == (JobStatus.FAILED, "response_refused")
    assert len(await house.created()) == 1


async def test_a_notice_in_the_moment_of_parking_is_not_missed(house: Installation):
    text = scripted(fault="drop_after")
    job_id = await house.submit("summarize_text", {"text": text}, PARK)
    [lost] = await created(house)
    # The signal is there long before the step is parked.
    decision = SubmitDecision(step_key="1", response_id=lost["id"])
    [step_key] = {each.step_key for each in await house.submits(job_id)}
    decision = decision.model_copy(update={"step_key": step_key})
    assert await executions.signal(house.client, job_id, "adopt", decision)
    await succeeded(house, job_id)
    assert len(await house.created()) == 1


async def test_a_parked_job_can_be_canceled(house: Installation):
    job_id = await parked(house)
    await job_moves.request_cancel(house.db, TENANT, job_id, by="test", reason=None)
    assert await executions.ask_to_cancel(house.client, job_id, "test")
    row = await house.ended(job_id)
    assert (row.status, row.waiting_for) == (JobStatus.CANCELED, None)
    [lost] = await house.created()
    await notify(house.db, lost["id"])
    await eventually(lambda: states(house, job_id), lambda found: found == ["wasted"])
    assert (await house.job(job_id)).cost.responses == 1


async def test_a_deadline_ends_the_parking(house: Installation):
    job_id = await parked(house, PARK.model_copy(update={"deadline_seconds": 4}))
    row = await house.ended(job_id)
    assert (row.status, row.failure and row.failure.code) == (JobStatus.FAILED, "deadline_exceeded")


@pytest.mark.parametrize("name", ["retry", "adopt"])
async def test_a_decision_nobody_waits_for_changes_nothing(house: Installation, name: str):
    job_id = await house.submit("summarize_text", {"text": scripted(run_seconds=0.5)}, PARK)
    await created(house)
    await decide(house, job_id, name, "resp_x" if name == "adopt" else None)
    await succeeded(house, job_id)
    assert await states(house, job_id) == ["effective"]
