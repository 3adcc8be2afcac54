"""Waiting for a signal, and what deadlines do to waits and stuck responses."""

from typing import Any

from jobs.options import JobOptions
from jobs.status import JobStatus
from tests.installation import Installation, eventually, serving
from tests.workflows import job_types
from tests.workflows.looking import (
    agreed,
    ask,
    carried,
    created_by,
    events_of,
    responses_open,
    scripted,
    tell,
)

YES = {"approved": True, "by": "Ada"}


async def test_a_waiting_job_says_what_for_and_goes_on_when_the_signal_comes(house: Installation):
    job_id = await house.submit("test_approvals", {"prompts": []})
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for == "an approval")
    assert await ask(house, job_id, "decision") is None

    await tell(house, job_id, "decide", job_types.Approval(approved=True, by="Ada"))
    row = await agreed(house, job_id)
    assert (row.status, row.waiting_for) == (JobStatus.SUCCEEDED, None)
    assert (await house.result(job_id))["said"] == ["Ada", "0"]
    assert await ask(house, job_id, "decision") == YES
    shown = [each.data.get("waiting_for") for each in await events_of(house, job_id)]
    assert "an approval" in shown


WRONG_PAYLOADS: list[list[Any]] = [
    [{"by": "Ada"}],
    [{"approved": True, "by": ""}],
    ["yes"],
    [None],
    [],
]


async def test_wrong_payloads_are_dropped_and_harm_nothing(house: Installation):
    job_id = await house.submit("test_approvals", {"prompts": []})
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for)

    for payload in WRONG_PAYLOADS:
        await tell(house, job_id, "decide", *payload)
        assert await ask(house, job_id, "decision") is None
    await tell(house, job_id, "decide", YES)
    assert (await agreed(house, job_id)).status is JobStatus.SUCCEEDED


async def test_signals_that_come_before_the_job_begins_are_kept(bare: Installation):
    job_id = await bare.submit("test_approvals", {"prompts": []})
    await tell(bare, job_id, "decide", YES)

    async with serving(bare):
        row = await agreed(bare, job_id)
    assert row.status is JobStatus.SUCCEEDED
    assert (await bare.result(job_id))["said"] == ["Ada", "0"]


async def test_steps_of_signal_handlers_do_not_collide_with_those_of_work(house: Installation):
    prompts = [scripted(f"{n}.", output_text=str(n), run_seconds=0.5) for n in range(2)]
    job_id = await house.submit("test_approvals", {"prompts": prompts})
    await responses_open(house, job_id, 2)

    await tell(house, job_id, "nudge")
    await tell(house, job_id, "nudge")
    await eventually(lambda: house.submits(job_id), lambda found: len(found) == 4)
    await tell(house, job_id, "decide", YES)
    assert (await agreed(house, job_id)).cost.responses == 4
    assert {each.step_key for each in await house.submits(job_id)} == {"1", "2", "3", "4"}


async def test_a_signal_handler_that_fails_fails_the_job(house: Installation):
    job_id = await house.submit("test_approvals", {"prompts": [scripted("Wait.", outcome="stuck")]})
    await responses_open(house, job_id, 1)

    await tell(house, job_id, "trip")
    row = await agreed(house, job_id)
    assert row.failure is not None
    assert (row.failure.code, row.failure.message) == ("sulking", "the handler fell")
    assert [each["status"] for each in await created_by(house, job_id)] == ["cancelled"]


async def test_the_deadline_ends_a_wait_and_cancels_open_responses(house: Installation):
    payload = {"prompts": [scripted("Wait.", outcome="stuck")]}
    row = await carried(house, "test_approvals", payload, JobOptions(deadline_seconds=2))

    assert row.failure is not None
    assert row.failure.code == "deadline_exceeded"
    assert "an approval" in row.failure.message
    assert [each["status"] for each in await created_by(house, row.id)] == ["cancelled"]


async def test_the_deadline_ends_a_job_whose_response_is_stuck(house: Installation):
    payload = {"prompts": [scripted("Wait.", outcome="stuck")]}
    row = await carried(house, "test_asks", payload, JobOptions(deadline_seconds=2))

    assert row.failure is not None
    assert row.failure.code == "deadline_exceeded"
    assert [each["status"] for each in await created_by(house, row.id)] == ["cancelled"]


async def test_no_step_begins_after_the_deadline(house: Installation):
    payload = {"prompts": ["First.", "Second."]}
    row = await carried(house, "test_ends_late", payload, JobOptions(deadline_seconds=1))

    assert row.failure is not None
    assert row.failure.code == "deadline_exceeded"
    assert len(await created_by(house, row.id)) == 1
