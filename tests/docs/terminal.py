"""Types a page's commands into a shell on a terminal, as its reader would, and compares."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

SECONDS = 120
MARK = re.compile(r"@@@ (\d+) @@@")
ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]")
"""What a terminal obeys instead of showing: links, colours, movements of the cursor."""

VARYING = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*Z?"), "<time>"),
    (re.compile(r"\d+(\.\d+)?"), "#"),
    (re.compile(r"\s+"), " "),
]


def typed(commands: list[str], environment: Mapping[str, str], folder: Path) -> list[str]:
    """Run commands in one shell and return what the terminal shows for each of them.

    The first that fails ends the shell; what was shown until then is in the error.
    """
    script = "set -euo pipefail\n" + "".join(
        f"{command}\necho '@@@ {number} @@@'\n" for number, command in enumerate(commands)
    )
    ours, theirs = pty.openpty()
    shown = bytearray()
    reader = threading.Thread(target=_read, args=(ours, shown))
    reader.start()
    try:
        code = subprocess.run(
            ["bash", "-c", script],  # noqa: S607 # the reader's shell is the one on the path
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=folder,
            timeout=SECONDS,
        ).returncode
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    text = ESCAPES.sub("", shown.decode()).replace("\r\n", "\n").replace("\r", "\n")
    assert code == 0, text
    return MARK.split(text)[0:-1:2]


def _read(terminal: int, shown: bytearray) -> None:
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux's way of saying that the other end is closed
            return
        if not piece:
            return
        shown += piece


def alike(text: str) -> str:
    """Return text without what differs from run to run: ids, times, numbers, spacing."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def missing(shown: str, actual: str) -> str | None:
    """Return the first line of a page's output that was not seen in this order; `…` is anything."""
    seen, position = alike(actual), 0
    for line in filter(None, shown.splitlines()):
        for piece in filter(None, map(alike, line.split("…"))):
            found = seen.find(piece, position)
            if found < 0:
                return line
            position = found + len(piece)
    return None
