"""A package of hooks in a true gateway and a true worker."""

import json
import os
import tomllib
import uuid
from pathlib import Path
from typing import Any

import pytest

from jobs.status import JobStatus
from jobs.values import JobId
from telemetry.hooks import ENTRY_POINT_GROUP
from tests.callbacks.receiver import receiving
from tests.docs.pages import ROOT, blocks
from tests.installation import Installation, eventually
from tests.telemetry.hooked import install
from tests.telemetry.test_one_trace import gateway_process

HOOKS = """
import asyncio
import time
from pathlib import Path

async def diary(moment):
    with Path({diary!r}).open("a") as file:
        file.write(moment.model_dump_json() + "\\n")

async def broken(moment):
    raise RuntimeError("no such table")

async def blocking(moment):
    if moment.kind == "job.ended":
        time.sleep(0.2)
"""

GUIDE = ROOT / "docs/howto/hooks.md"

POINTS = ("diary = acme_hooks:diary", "broken = acme_hooks:broken", "block = acme_hooks:blocking")

TEXT = "The pilot ran for six weeks."


def hooked(house: Installation, folder: Path, module: str, *points: str) -> None:
    install(folder, module, *points)
    house.environment["PYTHONPATH"] += os.pathsep + str(folder)


def told(diary: Path, job_id: str) -> list[dict[str, Any]]:
    """Return what the hook was told about a job."""
    moments = [json.loads(line) for line in diary.read_text().splitlines()]
    return [each for each in moments if job_id in json.dumps(each)]


@pytest.mark.timeout(180)
async def test_a_package_is_told_of_every_moment_of_a_job_and_cannot_break_it(
    bare: Installation, tmp_path: Path
):
    diary = tmp_path / "diary.jsonl"
    hooked(bare, tmp_path / "plugins", HOOKS.format(diary=str(diary)), *POINTS)
    fails = f'{TEXT} [[emulator: {{"fault": "bad_request"}}]]'
    async with receiving() as receiver, gateway_process(bare) as client, bare.worker_process():
        ids = []
        for text in (TEXT, fails):
            body = {"type": "summarize_text", "payload": {"text": text}}
            made = await client.post("/api/jobs", json=body | {"callback_url": receiver.url})
            ids.append(made.json()["job_id"])
        good, bad = [await bare.ended(JobId(uuid.UUID(each))) for each in ids]
        await receiver.got(2)

        async def moments() -> list[dict[str, Any]]:
            return told(diary, ids[0]) + told(diary, ids[1])

        await eventually(
            moments, lambda found: sum(m["kind"] == "delivery.attempted" for m in found) == 2
        )
    assert (good.status, bad.status) == (JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert {each["kind"] for each in told(diary, ids[0])} == {
        *("job.submitted", "job.started", "job.ended"),
        *("response.submitted", "response.ended", "delivery.attempted"),
    }
    [end] = [each for each in told(diary, ids[0]) if each["kind"] == "job.ended"]
    assert end["status"] == "succeeded"
    assert end["cost"]["responses"] == 1
    [refused] = [each for each in told(diary, ids[1]) if each["kind"] == "submit.failed"]
    assert refused["code"] == "provider_bad_request"
    log = (bare.logs / "worker.log").read_text()
    assert "hook broken failed at job.ended" in log
    assert "RuntimeError: no such table" in log


@pytest.mark.timeout(120)
async def test_the_package_of_the_guide_keeps_its_lines(bare: Installation, tmp_path: Path):
    [code] = blocks(GUIDE, "python")
    [project] = blocks(GUIDE, "toml")
    [(name, target)] = tomllib.loads(project.text)["project"]["entry-points"][
        ENTRY_POINT_GROUP
    ].items()
    plugins, audited = tmp_path / "plugins", tmp_path / "audit.log"
    module = plugins / code.place
    module.parent.mkdir(parents=True)
    module.write_text(code.text)
    hooked(bare, plugins, "", f"{name} = {target}")
    (plugins / "acme_hooks.py").unlink()
    bare.environment["ACME_AUDIT_FILE"] = str(audited)
    fails = f'{TEXT} [[emulator: {{"fault": "bad_request"}}]]'
    async with bare.worker_process():
        job_id = await bare.submit("summarize_text", {"text": fails})
        assert await bare.closed(job_id) == "FAILED"
    assert audited.read_text().splitlines() == [
        f"{job_id} submit failed: provider_bad_request",
        f"{job_id} summarize_text failed",
    ]


async def test_a_worker_with_a_broken_package_says_so_and_does_not_start(
    bare: Installation, tmp_path: Path
):
    hooked(bare, tmp_path / "plugins", "def audit(moment): ...", "audit = acme_hooks:audit")
    process = bare.worker_process()
    async with process:
        assert await process.wait() == 1
    [line] = [
        each for each in (bare.logs / "worker.log").read_text().splitlines() if "CRIT" in each
    ]
    assert "hook 'audit' (acme_hooks:audit) is not an async function" in line
