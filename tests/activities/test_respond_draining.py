"""A worker told to stop: its waits go on elsewhere, its POST in flight is not cut off."""

from jobs.options import JobOptions
from jobs.status import JobStatus
from storage.responses import State
from tests.activities.bench import MODEL, created, scripted, still_open
from tests.installation import Installation, serving, waits

WAITS = 20


async def test_waits_end_with_the_worker_and_go_on_in_another_without_a_second_create(
    bare: Installation,
):
    text = scripted(run_seconds=2.5)
    async with serving(bare) as deeds:
        ids = [await bare.submit("summarize_text", {"text": text}) for _ in range(WAITS)]
        await waits(deeds.watcher, WAITS)
    assert deeds.watcher.waiting == 0
    assert {each.state for job_id in ids for each in await bare.submits(job_id)} == {State.OPEN}

    async with serving(bare):
        rows = [await bare.ended(job_id) for job_id in ids]
    assert {(row.status, row.retry_count) for row in rows} == {(JobStatus.SUCCEEDED, 0)}
    assert len(await bare.created()) == WAITS
    submits = [each for job_id in ids for each in await bare.submits(job_id)]
    assert [(each.number, each.state) for each in submits] == [(1, State.EFFECTIVE)] * WAITS


async def test_a_post_in_flight_when_the_worker_stops_gets_its_id_stored(bare: Installation):
    text = scripted(fault="slow_reply", reply_delay_seconds=1, run_seconds=2)
    async with serving(bare):
        job_id = await bare.submit("summarize_text", {"text": text}, JobOptions(model=MODEL))
        [made] = await created(bare)
        assert [each.response_id for each in await bare.submits(job_id)] == [None]
    [left] = await bare.submits(job_id)
    assert (left.state, left.response_id) == (State.OPEN, made["id"])
    assert len(await still_open(bare)) == 1

    async with serving(bare):
        row = await bare.ended(job_id)
    assert (row.status, row.retry_count) == (JobStatus.SUCCEEDED, 0)
    assert len(await bare.created()) == 1
