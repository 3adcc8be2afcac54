"""The parent's side: start the child process, read its answer within limits, always stop it."""

import asyncio
import codecs
import contextlib
import json
import math
import os
import signal
import sys
from asyncio import StreamReader
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final, cast

from pydantic import BaseModel, TypeAdapter

from activities.extraction.errors import PREDICATES, ReaderCrashed, Refusal, RefusalCode
from activities.extraction.limits import ExtractionLimits
from jobs.errors import BY_CODE, JobError
from jobs.kinds import Kind
from jobs.values import Value

CHILD: Final = Path(__file__).with_name("child_process.py")
ROOT: Final = Path(__file__).parents[2]
HEADER_BYTES: Final = 1 << 14
CHUNK_BYTES: Final = 1 << 16
NAME_CHARACTERS: Final = 255
DEFAULT_LIMITS: Final = ExtractionLimits()

CODES_BY_SIGNAL: Final[dict[int, RefusalCode]] = {
    # PDFium aborts when an allocation fails; a kill that is not ours is the kernel's, for memory.
    signal.SIGABRT: "extraction_out_of_memory",
    signal.SIGKILL: "extraction_out_of_memory",
    signal.SIGXCPU: "extraction_timed_out",
    signal.SIGALRM: "extraction_timed_out",
    signal.SIGSEGV: "document_broken",
    signal.SIGBUS: "document_broken",
    signal.SIGILL: "document_broken",
    signal.SIGTRAP: "document_broken",
    signal.SIGFPE: "document_broken",
}


class ExtractedText(Value):
    """Carry a document's text, with line ends of one kind and no control characters.

    Attributes:
        pages_without_text: Pages that show something but hold no text, as scanned ones do; when
            there are any, `text` is not all of the document.
        encoding: What the bytes of a text, a table or a web page were in, by Python's name.
        header_characters: Length of what begins the text and should begin every piece it is cut
            into: the names of a table's columns.
    """

    kind: Kind
    text: str
    pages: int | None
    pages_without_text: int
    characters: int
    encoding: str | None = None
    header_characters: int = 0


class _Extracted(BaseModel):
    kind: Kind
    pages: int | None
    pages_without_text: int
    encoding: str | None = None
    header_characters: int = 0


class _Refused(BaseModel):
    code: RefusalCode
    detail: str


class _Crashed(BaseModel):
    crash: str


_HEADER: Final = TypeAdapter[_Extracted | _Refused | _Crashed](_Extracted | _Refused | _Crashed)


async def extract(
    path: Path, *, name: str, limits: ExtractionLimits = DEFAULT_LIMITS
) -> ExtractedText:
    """Read a document's text in a child process; when cancelled, kill the child first.

    How many run at once is for the caller to bound: each may use all that `limits` allows.

    Args:
        path: Where the document's bytes are.
        name: What its owner calls it; shown in errors, and its ending tells Markdown from text.
        limits: What this extraction may use.

    Raises:
        DocumentFailure: The subclass says what is wrong; its detail names the document.
        ReaderCrashed: The reader failed for a reason that is not the document's.
    """
    name = name[:NAME_CHARACTERS]
    process = await _start(_compose_request(path, name, limits))
    stdout = cast(StreamReader, process.stdout)  # PIPE below makes it one
    try:
        async with asyncio.timeout(limits.wall.total_seconds()):
            return await _read_answer(process, stdout, limits)
    except TimeoutError as error:
        detail = f"more than {limits.wall.total_seconds():g} seconds"
        raise to_failure(Refusal("extraction_timed_out", detail), name) from error
    except Refusal as refusal:
        raise to_failure(refusal, name) from None
    except (ReaderCrashed, ValueError) as error:  # a ValueError is an answer that makes no sense
        raise ReaderCrashed(f"Reading the document {name!r} failed: {error}") from error
    finally:
        await _stop(process, stdout)


def to_failure(refusal: Refusal, name: str) -> JobError:
    """Turn a refusal into the error that names the document."""
    reason = f" ({refusal.detail})" if refusal.detail else ""
    return BY_CODE[refusal.code](f"The document {name!r} {PREDICATES[refusal.code]}{reason}.")


def _compose_request(path: Path, name: str, limits: ExtractionLimits) -> str:
    """Compose what the child needs to know, and where it finds our modules and libraries."""
    libraries = [entry for entry in sys.path if Path(entry).is_absolute()]
    return json.dumps(
        {
            "path": os.fspath(path.absolute()),
            "name": name,
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds_for(path),
            "wall_seconds": math.ceil(limits.wall.total_seconds()),
            "pages": limits.pages,
            "characters": limits.characters,
            "import_path": [os.fspath(ROOT), *libraries],
        }
    )


async def _start(request: str) -> Process:
    # A fresh interpreter, because the fork of a process with threads can deadlock. With -I and -S
    # it obeys no environment and runs no site hooks, with -B it writes no byte code. In a session
    # of its own it is one group to kill, and a terminal's Ctrl-C reaches only us.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-B", os.fspath(CHILD), request),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
        limit=HEADER_BYTES,
    )


async def _read_answer(
    process: Process, stdout: StreamReader, limits: ExtractionLimits
) -> ExtractedText:
    line = await stdout.readline()
    if not line.endswith(b"\n"):
        raise _explain_exit(await process.wait())
    header = _HEADER.validate_json(line)
    if isinstance(header, _Crashed):
        raise ReaderCrashed(header.crash)
    if isinstance(header, _Refused):
        raise Refusal(header.code, header.detail)
    text = await _read_text(stdout, limits)
    if returncode := await process.wait():
        raise _explain_exit(returncode)
    return ExtractedText(text=text, characters=len(text), **header.model_dump())


async def _read_text(stdout: StreamReader, limits: ExtractionLimits) -> str:
    """Decode while reading, so that the bytes of the text never stand beside the text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = ""
    while chunk := await stdout.read(CHUNK_BYTES):
        # CPython extends a string in place that nobody else holds; joining parts, or StringIO,
        # would hold the text twice (measured: 37 MiB for 16 MiB of text).
        text += decoder.decode(chunk)
        if len(text) > limits.characters:
            raise Refusal("document_too_large", "the reader sent more text than it may")
    decoder.decode(b"", final=True)
    return text


def _explain_exit(returncode: int) -> Refusal | ReaderCrashed:
    code = CODES_BY_SIGNAL.get(-returncode)
    if code is None:
        return ReaderCrashed(f"the reader ended with status {returncode}")
    # Of time and memory the sentence of the code says all; of a crash nobody could say more.
    return Refusal(code, "its reader crashed" if code == "document_broken" else "")


async def _stop(process: Process, stdout: StreamReader) -> None:
    """Kill whatever is left of the child; return when it is gone, however often cancelled."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it may have ended a moment ago
            os.killpg(process.pid, signal.SIGKILL)
    exited = asyncio.create_task(_reap(process, stdout))
    cancelled: asyncio.CancelledError | None = None
    while not exited.done():
        try:
            await asyncio.wait({exited})
        except asyncio.CancelledError as error:
            cancelled = error
    exited.result()
    if cancelled is not None:
        raise cancelled


async def _reap(process: Process, stdout: StreamReader) -> None:
    # The pipe must be read to its end: asyncio keeps it open as long as something is left in it.
    while await stdout.read(CHUNK_BYTES):
        pass
    await process.wait()
