"""The job types that summarise, end to end against the real servers."""

from jobs.status import JobStatus
from tests.installation import Installation


async def test_a_text_is_summarised_with_one_response_and_twelve_events(house: Installation):
    job_id = await house.submit("summarize_text", {"text": "The pilot ran for six weeks."})

    row = await house.ended(job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert (await house.result(job_id))["summary"] == "The pilot ran for six weeks."
    assert await house.closed(job_id) == "COMPLETED"
    assert len(await house.created()) == 1
    history = await house.client.get_workflow_handle(str(job_id)).fetch_history()
    assert len(history.events) == 12
