"""Progress and cost: coalesced on the way to the record, answered at every moment."""

from typing import Any

from jobs.status import JobStatus
from jobs.values import JobId
from tests.installation import Installation, eventually
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import (
    agreed,
    ask,
    carried,
    created_by,
    events_of,
    pending_activities,
    responses_open,
    scripted,
    tell,
)
from tests.workflows.stocking import uploaded


async def asked(house: Installation, job_id: JobId) -> tuple[Any, Any]:
    return await ask(house, job_id, "progress"), await ask(house, job_id, "cost")


async def test_progress_that_changes_quickly_is_coalesced_and_the_last_one_is_kept(
    house: Installation,
):
    row = await carried(house, "test_counts", {"to": 500})

    assert (row.progress.current, row.progress.total) == (500, 500)
    told = [each.data for each in await events_of(house, row.id) if each.type == "progress"]
    assert 1 <= len(told) <= 10
    assert told[-1]["current"] == 500


async def test_the_last_progress_stands_in_the_record_of_a_failed_job(house: Installation):
    row = await carried(house, "test_ends", {"how": "defect"})

    assert (row.progress.stage, row.progress.percent) == ("Ending", 50)


async def test_questions_are_answered_while_a_post_is_in_flight(house: Installation):
    prompt = scripted("Slow.", fault="slow_reply", reply_delay_seconds=6)
    job_id = await house.submit("test_asks", {"prompts": [prompt]})
    await eventually(lambda: created_by(house, job_id))

    progress, cost = await asked(house, job_id)
    assert (await house.submits(job_id))[0].response_id is None, "the POST is in flight"
    assert progress == {"stage": "Asking", "current": 0, "total": 1, "percent": 0}
    assert (cost["responses"], cost["usd"]) == (0, None)
    assert (await agreed(house, job_id)).status is JobStatus.SUCCEEDED


async def test_questions_and_signals_are_answered_while_responses_are_waited_for(
    house: Installation,
):
    job_id = await house.submit(
        "test_asks", {"prompts": ["Quick.", scripted("Slow.", outcome="stuck")]}
    )
    await responses_open(house, job_id, 1)
    row = await eventually(lambda: house.job(job_id), lambda row: row.progress.current == 1)

    progress, cost = await asked(house, job_id)
    assert progress["percent"] == 50
    assert cost["responses"] == row.cost.responses == 1
    await tell(house, job_id, "cancel", "enough")
    await eventually(lambda: house.job(job_id), lambda row: row.cancel_requested_at)
    assert (await agreed(house, job_id)).status is JobStatus.CANCELED


async def test_questions_are_answered_while_a_document_is_read(house: Installation):
    content = ("A line of the report. " * 40 + "\n\n") * 2000
    document_id = await uploaded(house, "report.txt", content)
    job_id = await house.submit("summarize_documents", {"document_ids": [str(document_id)]})
    await eventually(
        lambda: pending_activities(house, job_id), lambda found: "extract_document" in found
    )

    progress, _ = await asked(house, job_id)
    assert progress["stage"] == "Reading documents"
    assert (await agreed(house, job_id)).status is JobStatus.SUCCEEDED
