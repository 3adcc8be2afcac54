"""The guide's change of a running workflow, made on a real server under a waiting job."""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from jobs import registry
from jobs.registry import JobType
from jobs.status import JobStatus
from jobs.values import JobId
from tests.docs.pages import ROOT, blocks
from tests.installation import Installation, eventually, serving
from tests.workflows.looking import agreed, created_by, tell
from tests.workflows.replaying import replay

PAGE = ROOT / "docs/howto/change-a-running-workflow.md"
NAME = "write_letter"
BEFORE, PATCHED = (each.text for each in blocks(PAGE, "python"))
IF = re.compile(r'^( +)if workflow\.patched\("proofread-letters"\):\n +', re.MULTILINE)
CARELESS = IF.sub(r"\1", PATCHED)
DEPRECATED = IF.sub(r'\1workflow.deprecate_patch("proofread-letters")\n\1', PATCHED)
DONE = CARELESS
"""What stays when even the patch's good-bye is deleted."""


@dataclass
class Deployments:
    """Versions of one job file, of which one is deployed at a time."""

    folder: Path
    count: int = 0

    @contextmanager
    def deployed(self, text: str) -> Iterator[JobType]:
        """Have a version of the job file be the one that everybody imports."""
        self.count += 1
        module = f"letters_{self.count}"
        (self.folder / f"{module}.py").write_text(text)
        others = dict(registry._TYPES)
        registry._TYPES.pop(NAME, None)
        try:
            importlib.import_module(module)
            yield registry._TYPES[NAME]
        finally:
            sys.modules.pop(module, None)
            registry._TYPES.clear()
            registry._TYPES.update(others)


@pytest.fixture
def deployments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployments:
    monkeypatch.syspath_prepend(tmp_path)
    return Deployments(tmp_path)


async def waits(house: Installation, job_id: JobId) -> None:
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for)


async def history(house: Installation, job_id: JobId) -> WorkflowHistory:
    return await house.client.get_workflow_handle(str(job_id)).fetch_history()


async def test_a_patch_carries_waiting_jobs_over_a_change(
    bare: Installation, deployments: Deployments
):
    with deployments.deployed(BEFORE) as kind:
        bare.job_types = {NAME: kind}
        async with serving(bare):
            old = await bare.submit(NAME, {"about": "boats"})
            await waits(bare, old)

    with deployments.deployed(PATCHED) as kind:
        bare.job_types = {NAME: kind}
        async with serving(bare):
            new = await bare.submit(NAME, {"about": "oars"})
            await waits(bare, new)
            for job_id in (old, new):
                await tell(bare, job_id, "send")
                assert (await agreed(bare, job_id)).status is JobStatus.SUCCEEDED
        steps = [len(await created_by(bare, job_id)) for job_id in (old, new)]
        assert steps == [1, 2], "only the new job was proofread"
        for job_id in (old, new):
            await replay(await history(bare, job_id), kind.workflow)

    histories = [await history(bare, job_id) for job_id in (old, new)]
    for text, replays in (
        (BEFORE, (True, False)),
        (CARELESS, (False, False)),
        (DEPRECATED, (False, True)),
    ):
        with deployments.deployed(text) as kind:
            for found, fits in zip(histories, replays, strict=True):
                if fits:
                    await replay(found, kind.workflow)
                else:
                    with pytest.raises(NondeterminismError):
                        await replay(found, kind.workflow)


async def test_a_patch_can_be_told_good_bye_in_two_steps(
    bare: Installation, deployments: Deployments
):
    ended = []
    for text in (DEPRECATED, DONE):
        with deployments.deployed(text) as kind:
            bare.job_types = {NAME: kind}
            async with serving(bare):
                job_id = await bare.submit(NAME, {"about": "boats"})
                await waits(bare, job_id)
                await tell(bare, job_id, "send")
                await agreed(bare, job_id)
            ended.append(await history(bare, job_id))
            for found in ended:
                await replay(found, kind.workflow)
