"""The border between parent and child: nothing leaks in, no ending of the child goes unnoticed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from activities.extraction.errors import ReaderCrashed
from activities.extraction.extract import ROOT, ExtractedText, extract
from activities.extraction.limits import ExtractionLimits
from jobs.errors import (
    DocumentBroken,
    DocumentEmpty,
    DocumentTooLarge,
    ExtractionOutOfMemory,
    ExtractionTimedOut,
)
from tests.extraction.in_process import read_here
from tests.extraction.office import HONEST

FOUND = """print('{"kind": "text", "pages": null, "pages_without_text": 0}')\n"""


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Let a script of ours play the child, and extract something."""

    async def play(script: str):
        child = tmp_path / "child.py"
        child.write_text(f"import os, resource, signal, sys\n{script}")
        monkeypatch.setattr("activities.extraction.extract.CHILD", child)
        limits = ExtractionLimits(characters=1000)
        return await extract(tmp_path / "any", name="any.pdf", limits=limits)

    return play


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        pytest.param(signal.SIGABRT, ExtractionOutOfMemory, id="an allocation failed"),
        pytest.param(signal.SIGKILL, ExtractionOutOfMemory, id="the kernel killed it"),
        pytest.param(signal.SIGXCPU, ExtractionTimedOut, id="its time was up"),
        pytest.param(signal.SIGSEGV, DocumentBroken, id="it crashed"),
        pytest.param(signal.SIGTERM, ReaderCrashed, id="somebody else ended it"),
    ],
)
async def test_a_signal_becomes_an_error(played, ending, error):
    dies = f"resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), {ending:d})"
    with pytest.raises(error, match=r"'any\.pdf'") as raised:
        await played(dies)
    # What a status of a process is, nobody who uploaded a document can know.
    assert ("status" in str(raised.value)) is (error is ReaderCrashed)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sys.exit(1)", id="it says nothing and fails"),
        pytest.param("", id="it says nothing and ends well"),
        pytest.param("print('nonsense')", id="no JSON"),
        pytest.param("""print('{"code": "job_defect", "detail": ""}')""", id="another code"),
        pytest.param("print('x' * 100_000)", id="an endless first line"),
        pytest.param(FOUND + "sys.exit(1)", id="it fails behind the text"),
        pytest.param(FOUND + r"os.write(1, b'\xff')", id="text that does not decode"),
    ],
)
async def test_a_senseless_answer_is_our_fault_and_not_the_documents(played, script):
    with pytest.raises(ReaderCrashed, match=r"'any\.pdf'"):
        await played(script)


@pytest.mark.parametrize("name", ["a.docx", "a.html", "a.csv", "a.md", "a.txt", "empty.txt"])
async def test_a_child_finds_what_is_found_without_one(tmp_path: Path, name):
    path = tmp_path / "stored"
    path.write_bytes(
        HONEST.get(name, "  Größe\r\n漢字 🦊\x07".encode() if name == "a.txt" else b"")
    )
    seen: list[ExtractedText | str] = []
    for read in (lambda: extract(path, name=name), lambda: read_here(path, name)):
        try:
            seen.append(await read())
        except DocumentEmpty as error:
            seen.append(error.detail)
    assert seen[0] == seen[1]
    assert isinstance(seen[0], str) == (name == "empty.txt")


async def test_more_text_than_allowed_is_not_listened_to(played):
    with pytest.raises(DocumentTooLarge):
        await played(FOUND + "while True: print('x' * 100_000)")


async def test_a_missing_file_is_not_the_documents_fault(tmp_path: Path):
    with pytest.raises(ReaderCrashed, match="FileNotFoundError"):
        await extract(tmp_path / "gone", name="gone.pdf")


async def test_no_secret_reaches_the_child(played, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    found = await played(FOUND + "print(sorted(os.environ))")
    # Python itself sets LC_CTYPE where no locale is given.
    assert found.text in {"[]\n", "['LC_CTYPE']\n"}


async def test_the_child_leads_a_session_of_its_own(played):
    found = await played(FOUND + "print(os.getsid(0) == os.getpid())")
    assert found.text == "True\n"


async def test_the_child_inherits_no_open_file(played, tmp_path: Path):
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        asks = f"try: os.fstat({file.fileno()})\nexcept OSError: print('closed')"
        found = await played(FOUND + asks)
    assert found.text == "closed\n"


def test_the_child_loads_only_what_its_document_needs():
    heavy = {"pypdfium2", "pypdf", "pydantic", "asyncio", "temporalio", "openai"}
    script = (
        f"import sys; sys.path.append({str(ROOT)!r})\n"
        "import activities.extraction.child_process\n"
        "from activities.extraction.readers import get_reader\n"
        "get_reader('text'); print(*sys.modules)"
    )
    command = [sys.executable, "-I", "-B", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split())
