"""Faults that are easy to believe in and hard to see are shown to bite."""

import asyncio
import sys
from pathlib import Path

import pytest

from local.processes import Process
from tests.chaos import disk
from tests.installation import eventually

WRITER = """
import pathlib, sys
from jobs.errors import ServiceUnavailable
from storage.objects import Objects, open_store
from jobs.values import Tenant
import asyncio

async def main(folder):
    objects = Objects(open_store(pathlib.Path(folder).as_uri()))
    while True:
        try:
            await objects.put(Tenant("t"), "k", b"x" * 100_000)
            said = "stored"
        except ServiceUnavailable:
            said = "full"
        pathlib.Path(folder, "said").write_text(said)
        await asyncio.sleep(0.02)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(not disk.CAN_FILL, reason="only Linux limits other processes")
async def test_a_full_disk_refuses_large_objects_until_it_is_empty_again(tmp_path: Path):
    said = tmp_path / "said"

    async def told() -> str:
        return said.read_text() if said.exists() else ""

    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    async with Process(command, log_file=tmp_path / "writer.log") as writer:
        async with asyncio.timeout(20):
            await eventually(told, lambda words: words == "stored")
            disk.fill([writer])
            await eventually(told, lambda words: words == "full")
            disk.empty([writer])
            await eventually(told, lambda words: words == "stored")
