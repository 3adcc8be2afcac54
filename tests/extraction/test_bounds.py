"""What an extraction may use, and that it ends with the one who asked for it."""

import errno
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from activities.extraction.extract import ROOT, extract
from activities.extraction.limits import ExtractionLimits
from jobs.errors import DocumentTooLarge, ExtractionOutOfMemory, ExtractionTimedOut
from tests.extraction.documents import MEBIBYTE, bomb_pdf, written_pdf


@pytest.fixture
def stored(tmp_path: Path):
    def store(content: bytes) -> Path:
        path = tmp_path / "stored"
        path.write_bytes(content)
        return path

    return store


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Offer a document that never ends: a pipe that somebody holds open and nobody fills."""
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path


async def when_opened(pipe: Path) -> int:
    """Wait until the child has opened the pipe to read; return the end that keeps it waiting."""
    with anyio.fail_after(10):
        while True:
            try:
                return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:  # which means that nobody reads yet
                    raise
            await anyio.sleep(0.005)


def reader_of(pipe: Path) -> int:
    """Find the process that was asked to read the pipe."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue  # it ended while we looked
        if os.fsencode(pipe) in command:
            return int(entry.parent.name)
    raise AssertionError("nobody reads the pipe")


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_text_that_outgrows_the_memory_ends_as_out_of_memory(stored):
    limits = ExtractionLimits(memory_bytes=96 * MEBIBYTE, characters=99 * MEBIBYTE)
    with pytest.raises(ExtractionOutOfMemory, match=r"'long\.txt'"):
        await extract(stored(b"a" * 60 * MEBIBYTE), name="long.txt", limits=limits)


async def test_a_document_that_keeps_the_processor_busy_ends_as_timed_out(stored):
    limits = ExtractionLimits(cpu_seconds=1)
    with pytest.raises(ExtractionTimedOut, match=r"'busy\.pdf'"):
        await extract(stored(bomb_pdf(100, count=99)), name="busy.pdf", limits=limits)


async def test_a_reader_that_waits_for_ever_ends_as_timed_out(endless):
    limits = ExtractionLimits(wall=timedelta(seconds=0.3))
    with pytest.raises(ExtractionTimedOut, match=r"more than 0\.3 seconds"):
        await extract(endless, name="endless.txt", limits=limits)


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
async def test_cancelling_kills_the_child(endless):
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: extract(endless, name="endless.txt"))
        end = await when_opened(endless)
        pid = reader_of(endless)
        assert is_alive(pid)
        group.cancel_scope.cancel()
    os.close(end)
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        pytest.param(written_pdf("a", "b", "c"), ExtractionLimits(pages=2), id="pages"),
        pytest.param(written_pdf("abc", "def"), ExtractionLimits(characters=5), id="on pages"),
        pytest.param(written_pdf("abcdef"), ExtractionLimits(characters=5), id="on a page"),
        pytest.param(b"abcdef", ExtractionLimits(characters=5), id="in a text"),
        pytest.param(b"a" * 999, ExtractionLimits(characters=5), id="in a long file"),
    ],
)
async def test_a_document_beyond_its_limits_is_too_large(stored, content, limits):
    with pytest.raises(DocumentTooLarge, match=r"'big\.pdf'"):
        await extract(stored(content), name="big.pdf", limits=limits)


MEASURE = r"""
import asyncio, re, sys
from pathlib import Path
from activities.extraction.extract import extract
from jobs.errors import JobError

def peak():
    # Not ru_maxrss, which starts with the peak of the process that started this one.
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

async def main():
    await extract(Path(sys.argv[1]), name="small.txt")
    before = peak()
    try:
        await extract(Path(sys.argv[2]), name="large")
        code = ""
    except JobError as error:
        code = error.code
    print(peak() - before, code)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("make", "most_mebibytes", "code"),
    [
        pytest.param(
            lambda: bomb_pdf(600), 8, "extraction_out_of_memory", id="of a bomb nothing arrives"
        ),
        pytest.param(
            lambda: "é".encode() * 16 * MEBIBYTE, 26, "", id="a text of 16 MiB is held once"
        ),
    ],
)
def test_the_parent_stays_small(stored, tmp_path: Path, make, most_mebibytes, code):
    large = stored(make())
    small = tmp_path / "small"
    small.write_bytes(b"small")
    command = [sys.executable, "-c", MEASURE, str(small), str(large)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    grown, *ended = done.stdout.split()
    assert (int(grown) < most_mebibytes, ended) == (True, [code] if code else [])
