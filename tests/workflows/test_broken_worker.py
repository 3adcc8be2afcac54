"""A worker that breaks lets go of what it carries, and another one goes on with it."""

import asyncio
from typing import Any

import pytest
from temporalio.worker._activity import _ActivityWorker

import worker
from jobs.queues import Queue
from jobs.status import JobStatus
from settings import WorkerSettings
from tests.installation import Installation, serving, waits
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import STUCK
from tests.workflows.looking import agreed, created_by, responses_open, tell


def breaks(*_: Any) -> None:
    raise OSError("the poll loop broke")


async def test_a_worker_that_breaks_ends_its_waits_and_another_one_goes_on(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
):
    settings = WorkerSettings()
    async with serving(bare, queues=()) as deeds:
        [served] = worker.workers(
            bare.client, deeds, bare.job_types, [Queue.MAIN], base=bare.queue, settings=settings
        )
        run = asyncio.create_task(served.run())
        waiting, canceled = [await bare.submit("test_asks", {"prompts": [STUCK]}) for _ in range(2)]
        for job_id in (waiting, canceled):
            await responses_open(bare, job_id, 1)
        with monkeypatch.context() as patch:
            patch.setattr(_ActivityWorker, "_handle_cancel_activity_task", breaks)
            await bare.client.get_workflow_handle(str(canceled)).cancel(reason="for a reason")
            with pytest.raises(RuntimeError, match="Activity worker failed"):
                await run  # without help: nobody has told the worker to stop

    async with serving(bare) as deeds:
        await waits(deeds.watcher)
        await tell(bare, waiting, "cancel", "enough")
        for job_id in (waiting, canceled):
            assert (await agreed(bare, job_id)).status is JobStatus.CANCELED
            assert len(await created_by(bare, job_id)) == 1
