"""The end-to-end of the seeds: 150 PDFs through a gateway and a worker. By `make prove`."""

import sys
import time

import httpx2
import pytest

from local.ports import free_port
from local.processes import Process
from tests.installation import ROOT, Installation
from tests.journey import travelled
from tests.prove.test_prove_gateway import answers

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]

PDFS = 150
TREE = 13 + 1 + 1
"""Groups of twelve summaries, of what these give (the thirteenth is alone), and the last two."""


async def test_150_pdfs_are_uploaded_summarised_polled_and_the_result_is_served(
    bare: Installation,
):
    port = free_port()
    environment = {**bare.environment, "BACKBURNER_PORT": str(port)}
    gateway = Process(
        [sys.executable, "-m", "api"],
        log_file=bare.logs / "gateway.log",
        environment=environment,
        working_directory=ROOT,
    )
    async with (
        gateway as running,
        bare.worker_process(),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        await running.wait_ready(lambda: answers(port))
        began = time.monotonic()
        job = await travelled(client, PDFS)
        print(f"{PDFS} PDFs took {time.monotonic() - began:.1f} s; cost {job['cost']}")
    assert job["cost"]["responses"] == PDFS + TREE
    assert job["retry_count"] == 0
