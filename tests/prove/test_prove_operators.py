"""What operators do by hand: Temporal's command line and UI, and questions at any moment."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from jobs.model import Progress
from jobs.status import JobStatus
from jobs.values import JobId
from local.temporal import TemporalServer, find_temporal
from storage import executions
from tests.installation import Installation, eventually, own_temporal

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

STUCK = 'The pilot ran for six weeks. [[emulator: {"outcome": "stuck"}]]'
SLOW = (
    "The pilot ran for six weeks. "
    '[[emulator: {"fault": "slow_reply", "reply_delay_seconds": 3, "run_seconds": 6}]]'
)


@pytest.fixture
async def with_ui(
    database_url: str, emulator_url: str, tmp_path: Path
) -> AsyncIterator[tuple[TemporalServer, Installation]]:
    async with own_temporal(database_url, emulator_url, tmp_path, ui=True) as both:
        yield both


async def by_command(server: TemporalServer, *words: str) -> None:
    command = [str(find_temporal()), "workflow", *words, "--address", server.address]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


async def by_ui(server: TemporalServer, job_id: JobId) -> None:
    """Send what the Cancel button of Temporal UI sends."""
    url = f"{server.ui_url}/api/v1/namespaces/default/workflows/{job_id}/cancel"
    async with httpx2.AsyncClient() as client:
        page = await client.get(f"{server.ui_url}/")
        token = client.cookies.get("_csrf") or page.cookies.get("_csrf") or ""
        reply = await client.post(url, json={"reason": "by hand"}, headers={"X-CSRF-TOKEN": token})
    assert reply.is_success, reply.text


@pytest.mark.parametrize("road", ["signal by command", "cancel by command", "cancel in the UI"])
async def test_a_cancel_by_hand_reaches_the_provider_and_closes_as_canceled(
    with_ui: tuple[TemporalServer, Installation], road: str
):
    server, bare = with_ui
    async with bare.worker_process():
        job_id = await bare.submit("summarize_text", {"text": STUCK})
        await eventually(bare.created)
        if road == "signal by command":
            await by_command(server, "signal", "--name", "cancel", "-w", str(job_id))
        elif road == "cancel by command":
            await by_command(server, "cancel", "-w", str(job_id))
        else:
            await by_ui(server, job_id)
        asked = time.time()
        row = await bare.ended(job_id)
        assert await bare.closed(job_id) == "CANCELED"
        found = (await bare.created())[0]
    print(f"{road}: the provider heard {found['cancelled_at'] - asked:+.3f} s after it returned")
    assert row.status is JobStatus.CANCELED
    assert found["cancelled_at"] - asked < 1
    assert row.cost.responses == 1


async def test_a_question_is_answered_in_milliseconds_at_every_moment(bare: Installation):
    waits: list[float] = []
    async with bare.worker_process():
        job_id = await bare.submit("summarize_text", {"text": SLOW})
        await eventually(bare.created)
        while not (await bare.job(job_id)).status.is_terminal:
            began = time.monotonic()
            await executions.query(bare.client, job_id, "progress", Progress)
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.05)  # a steady stream of questions, not a race
    milliseconds = sorted(1000 * each for each in waits)
    print(
        f"{len(waits)} queries over POST, wait and end: median "
        f"{statistics.median(milliseconds):.1f} ms, slowest {milliseconds[-1]:.1f} ms"
    )
    assert statistics.median(milliseconds) < 50
