"""The gateway is killed between writing a job down and starting its workflow. By `make prove`."""

import asyncio
import socket
import sys
import time

import httpx2
import pytest

from jobs.status import JobStatus
from jobs.values import JobId
from local.ports import free_port
from local.processes import Process
from storage import job_lists
from storage.job_lists import Filter
from tests.installation import ROOT, TENANT, Installation, eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

BODY = {"type": "summarize_text", "payload": {"text": "The pilot ran for six weeks."}}
KEY = {"Idempotency-Key": "the-one-job"}


def gateway(bare: Installation, port: int, **changed: str) -> Process:
    return Process(
        [sys.executable, "-m", "api"],
        log_file=bare.logs / "gateway.log",
        environment={**bare.environment, "BACKBURNER_PORT": str(port), **changed},
        working_directory=ROOT,
    )


async def answers(port: int) -> bool:
    try:
        async with httpx2.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{port}/livez")).is_success
    except httpx2.HTTPError:
        return False


async def test_a_gateway_killed_between_row_and_start_still_runs_the_job_once(bare: Installation):
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # A Temporal that accepts connections and never says a word: the start hangs.
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        async with (
            gateway(bare, port, TEMPORAL_ADDRESS=address) as first,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            await first.wait_ready(lambda: answers(port))
            posting = asyncio.create_task(client.post("/api/jobs", json=BODY, headers=KEY))
            rows = await eventually(
                lambda: job_lists.page(bare.db, TENANT, Filter(), after=None, limit=10)
            )
            await first.kill()
            with pytest.raises(httpx2.HTTPError):
                await posting
    assert [row.status for row in rows] == [JobStatus.PENDING]
    began = time.monotonic()
    async with bare.worker_process():
        row = await bare.ended(JobId(rows[0].id))
        print(f"the job of a killed gateway ended after {time.monotonic() - began:.1f} s")
        bare.ids.append(row.id)
        async with (
            gateway(bare, port) as second,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            await second.wait_ready(lambda: answers(port))
            reply = await client.post("/api/jobs", json=BODY, headers=KEY)
    assert row.status is JobStatus.SUCCEEDED
    assert reply.headers["Idempotent-Replayed"] == "true"
    assert reply.json()["job_id"] == str(row.id)
    assert len(await bare.created()) == 1
