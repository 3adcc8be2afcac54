"""Long proofs: a worker killed with SIGKILL while a job and those that it runs are under way.

Another worker notices by the heartbeat timeout of 30 s, which is the contract and not shortened.
"""

import os
from pathlib import Path

import pytest

from jobs.money import Cost
from jobs.status import JobStatus
from jobs.values import JobId
from storage.responses import State
from tests.installation import Installation, eventually
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import all_agreed, asking, errand, family
from tests.workflows.looking import scripted

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

WIDTH = 10
MEMBERS = 2 * (1 + WIDTH)


@pytest.fixture
def peopled(bare: Installation, tmp_path: Path) -> Installation:
    """An installation whose worker processes know the job types of tests."""
    info = tmp_path / "plugins" / "families-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: families\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[backburner.jobs]\nall = tests.workflows.job_types\n")
    bare.environment["PYTHONPATH"] += os.pathsep + str(info.parent)
    return bare


async def first_child_opened(house: Installation, root: JobId) -> None:
    await eventually(lambda: family(house, root), lambda rows: len(rows) > 1)


async def all_wait(house: Installation, root: JobId) -> None:
    async def stored() -> int:
        rows = await family(house, root)
        submits = [each for row in rows for each in await house.submits(row.id)]
        return sum(each.response_id is not None for each in submits)

    await eventually(stored, lambda count: count == 2 * WIDTH)


@pytest.mark.parametrize("moment", [first_child_opened, all_wait])
async def test_a_family_survives_the_worker_that_ran_it(peopled: Installation, moment):
    slow = scripted("Take your time.", run_seconds=8)
    leaves = [asking(f"leaf {number}", slow) for number in range(WIDTH)]
    inner = errand("inner", "test_parents", errands=leaves)
    async with peopled.worker_process("first") as first:
        job_id = await peopled.submit("test_parents", {"errands": [*leaves, inner]})
        await moment(peopled, job_id)
        await first.kill()
    opened = len(await family(peopled, job_id))
    async with peopled.worker_process("second"):
        rows = await all_agreed(peopled, job_id)
    print(f"killed with {opened} of {MEMBERS} members known")
    assert len(rows) == MEMBERS
    assert {row.status for row in rows} == {JobStatus.SUCCEEDED}
    submits = [each for row in rows for each in await peopled.submits(row.id)]
    assert [each.state for each in submits].count(State.EFFECTIVE) == 2 * WIDTH
    if moment is all_wait:
        assert len(submits) == len(await peopled.created()) == 2 * WIDTH
    root = next(row for row in rows if row.parent_id is None)
    assert root.cost == sum((row.cost for row in rows if row.type == "test_asks"), Cost())
