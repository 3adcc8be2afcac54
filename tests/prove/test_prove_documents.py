"""Hostile documents cost one job each: a code within seconds, a small worker, and work goes on."""

import os
import re
import sys
import time
from pathlib import Path

import pytest

from jobs.status import JobStatus
from tests.activities.papers import stored_document
from tests.extraction.hostile import HEAVY, QUICK
from tests.installation import Installation

pytestmark = [
    pytest.mark.prove,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the worker's peak from /proc"),
]

SECONDS, SECONDS_PER_MEBIBYTE = 10, 1
"""What may pass until the code is there, on a machine that does nothing else; large files get as
much more as they are larger."""

MOST_MEBIBYTES = 300
NOTES = b"# Minutes\n\nThe board met on 3 May and approved a budget of 4.2 million.\n"


def crowding() -> float:
    """Return how many times slower everything is because others use the processors as well."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def peak_mebibytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


async def summarised(bare: Installation, name: str, content: bytes) -> tuple[str, float]:
    """Summarise one document; return how it ended and after how many seconds."""
    document = await stored_document(bare, name, content)
    began = time.monotonic()
    job_id = await bare.submit("summarize_documents", {"document_ids": [str(document.id)]})
    row = await bare.ended(job_id)
    return row.failure.code if row.failure else row.status, time.monotonic() - began


async def test_bombs_end_in_time_with_a_code_and_the_worker_stays_small_and_goes_on(
    bare: Installation,
):
    makers = {**QUICK, **{name: ("", make) for name, make in HEAVY.items()}}
    process = bare.worker_process()
    async with process:
        assert (await summarised(bare, "minutes.md", NOTES))[0] is JobStatus.SUCCEEDED
        before = peak_mebibytes(process.pid)
        late = []
        for name, (code, make) in makers.items():
            content = make()
            ended, seconds = await summarised(bare, name, content)
            print(f"{name:18} {len(content) / 2**20:6.2f} MiB {seconds:6.2f} s  {ended}")
            assert ended.startswith(("document_", "extraction_")) or ended == "succeeded"
            assert code in ("", ended), f"{name} ended with {ended}"
            # The next job does not notice.
            assert (await summarised(bare, "minutes.md", NOTES))[0] is JobStatus.SUCCEEDED
            allowed = SECONDS + SECONDS_PER_MEBIBYTE * len(content) / 2**20
            if seconds > allowed * crowding():
                late.append((name, seconds))
        grown = peak_mebibytes(process.pid) - before
        print(f"the worker grew by {grown} MiB from {before} MiB")
    assert grown < MOST_MEBIBYTES
    assert late == []
