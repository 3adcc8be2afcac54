"""Long proof: a worker killed with SIGKILL while people are asked loses no question, no answer."""

from pathlib import Path

import pytest

from jobs.approvals import ApprovalSettlement, ApprovalState, Settlement
from jobs.model import JobRef
from jobs.status import JobStatus
from jobs.values import JobId
from storage import approvals
from storage.approvals import Approval
from tests.installation import ROOT, TENANT, Installation, eventually
from tests.workflows import approval_jobs
from tests.workflows.looking import agreed, events_of, tell

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

JOBS = 12
PLAN = {"key": "plan", "title": "The plan", "shown": {"steps": ["dig"]}}


def install(bare: Installation, folder: Path) -> None:
    """Let worker processes find the job types that ask people."""
    info = folder / "asking-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: asking\nVersion: 1.0\n")
    point = f"asking = {approval_jobs.__name__}"
    (info / "entry_points.txt").write_text(f"[backburner.jobs]\n{point}\n")
    bare.environment["PYTHONPATH"] = f"{folder}:{ROOT}"


async def opened(bare: Installation, job_id: JobId) -> Approval:
    found = await eventually(lambda: approvals.open_below(bare.db, TENANT, job_id))
    return found[0]


async def decided(bare: Installation, approval: Approval, *, approved: bool) -> Approval:
    """Decide as the gateway does before it tells the workflow."""
    state = ApprovalState.APPROVED if approved else ApprovalState.REJECTED
    ref = JobRef(tenant=TENANT, job_id=approval.job_id, type="test_asks_people")
    wanted = ApprovalSettlement(
        job=ref,
        key=approval.key,
        digest=approval.digest,
        settlement=Settlement(state=state, answer_id="a"),
    )
    found = await approvals.decide(bare.db, wanted)
    assert found is not None
    return found


async def test_a_worker_killed_while_people_are_asked_loses_nothing(
    bare: Installation, tmp_path: Path
):
    install(bare, tmp_path / "plugins")
    expected: dict[JobId, bool] = {}
    async with bare.worker_process("first") as first:
        ids = [await bare.submit("test_asks_people", {"asks": [PLAN]}) for _ in range(JOBS)]
        asked = {job_id: await opened(bare, job_id) for job_id in ids}
        # The first third is told just before the kill, so that tasks are cut off half-way.
        for number, job_id in enumerate(ids[: JOBS // 3]):
            expected[job_id] = number % 2 == 0
            found = await decided(bare, asked[job_id], approved=expected[job_id])
            await tell(bare, job_id, *found.signal)
        await first.kill()
    # Nobody works. The second third is told, and the gateways of the last third die before that.
    for number, job_id in enumerate(ids[JOBS // 3 :]):
        expected[job_id] = number % 2 == 0
        found = await decided(bare, asked[job_id], approved=expected[job_id])
        if number < JOBS // 3:
            await tell(bare, job_id, *found.signal)
    async with bare.worker_process("second"):
        rows = [await agreed(bare, job_id) for job_id in ids]
    assert {row.status for row in rows} == {JobStatus.SUCCEEDED}
    for job_id in ids:
        [decision] = (await bare.result(job_id))["decisions"]
        assert decision["approved"] == expected[job_id]
        told = [each.type for each in await events_of(bare, job_id)]
        assert told.count("approval_requested") == told.count("approval_decided") == 1
