"""A job type is one file: outside the repository, found by entry point, run by a true worker."""

import os
import textwrap
import time
from pathlib import Path

from jobs.ids import uuid7
from jobs.status import JobStatus
from jobs.values import JobId
from storage import jobs as job_rows
from storage.jobs import NewJob
from tests.installation import TENANT, Installation
from tests.workflows.looking import agreed

JOB_FILE = '''
"""Greet somebody."""

from datetime import timedelta

from pydantic import BaseModel

from workflows.core import Job, job


class GreetInput(BaseModel):
    """Whom."""

    name: str


class GreetOutput(BaseModel):
    """The words."""

    greeting: str


@job("greet", title="Greet somebody", expected=timedelta(seconds=5))
class Greet(Job[GreetInput, GreetOutput]):
    """Greet somebody with the model's words."""

    async def work(self, input: GreetInput) -> GreetOutput:
        prompt = f"The pilot ran for six weeks, says {input.name}."
        words = await self.respond(prompt, summary="Greet")
        return GreetOutput(greeting=words)
'''


def install(folder: Path) -> None:
    """Write the job file, and what an installer would write beside it."""
    (folder / "greet.py").write_text(textwrap.dedent(JOB_FILE))
    info = folder / "greetings-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[backburner.jobs]\ngreet = greet\n")


async def submit(house: Installation, job_type: str, payload: dict[str, str]) -> JobId:
    """Leave a row to the worker's maintenance: this process does not know the job type."""
    new = NewJob(
        id=JobId(uuid7(time.time_ns() // 1_000_000)), tenant=TENANT, type=job_type, payload=payload
    )
    row, _ = await job_rows.insert(house.db, new)
    house.ids.append(row.id)
    return row.id


async def test_a_job_type_is_one_file(bare: Installation, tmp_path: Path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    install(plugins)
    bare.environment["PYTHONPATH"] += os.pathsep + str(plugins)
    bare.environment["BACKBURNER_STUCK_START_SECONDS"] = "1"
    job_id = await submit(bare, "greet", {"name": "Ada"})

    async with bare.worker_process():
        row = await agreed(bare, job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert await bare.result(job_id) == {"greeting": "The pilot ran for six weeks, says Ada."}
