"""Long proofs: a worker killed with SIGKILL, at the two moments that matter for the bill.

Another worker notices by the heartbeat timeout of 30 s, which is the contract and not shortened.
"""

import time

import pytest

from jobs.status import JobStatus
from storage.responses import State
from tests.activities.bench import created, scripted
from tests.installation import Installation, eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

WAITS = 50


async def test_a_worker_killed_while_fifty_jobs_wait_costs_not_one_create_more(bare: Installation):
    text = scripted(run_seconds=20)
    async with bare.worker_process("first") as first:
        ids = [await bare.submit("summarize_text", {"text": text}) for _ in range(WAITS)]

        async def stored() -> int:
            submits = [each for job_id in ids for each in await bare.submits(job_id)]
            return sum(each.response_id is not None for each in submits)

        await eventually(stored, lambda count: count == WAITS)
        await first.kill()
        began = time.monotonic()
    async with bare.worker_process("second"):
        rows = [await bare.ended(job_id) for job_id in ids]
    print(f"killed with {WAITS} jobs waiting: all ended after {time.monotonic() - began:.1f} s")  # noqa: T201 # the proof's figure
    assert {(row.status, row.retry_count) for row in rows} == {(JobStatus.SUCCEEDED, 0)}
    submits = [each for job_id in ids for each in await bare.submits(job_id)]
    assert [(each.number, each.state) for each in submits] == [(1, State.EFFECTIVE)] * WAITS
    assert len(await bare.created()) == WAITS


async def test_a_worker_killed_before_it_could_store_a_reply_leaves_an_uncertain_submit(
    bare: Installation,
):
    text = scripted(fault="slow_reply", reply_delay_seconds=50, run_seconds=0)
    async with bare.worker_process("first") as first:
        job_id = await bare.submit("summarize_text", {"text": text})
        await created(bare)
        await first.kill()
        began = time.monotonic()
    assert [each.response_id for each in await bare.submits(job_id)] == [None]
    async with bare.worker_process("second"):
        row = await bare.ended(job_id)
    print(f"killed between POST and reply: ended after {time.monotonic() - began:.1f} s")  # noqa: T201 # the proof's figure
    assert (row.status, row.retry_count) == (JobStatus.SUCCEEDED, 1)
    extra, used = await bare.submits(job_id)
    assert (extra.state, extra.error_code) == (State.UNCERTAIN, "submit_uncertain")
    assert used.state is State.EFFECTIVE
    assert len(await bare.created()) == 2
