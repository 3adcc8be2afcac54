"""A full disk without being root: the kernel refuses to let a process write more into a file."""

import resource
import sys
from collections.abc import Iterable
from contextlib import suppress

from local.processes import Process

ROOM = 64 * 1024
"""Bytes a file may have while the disk is full; what is stored as an object is larger."""

CAN_FILL = sys.platform == "linux"
"""Only Linux sets limits of other processes."""


def fill(processes: Iterable[Process]) -> None:
    """Let the processes write small files only: larger writes fail as they do on a full disk.

    Python ignores the signal that comes with it, so a write fails with an error (EFBIG).
    """
    for process in processes:
        _make_room_for_log(process)
        _limit(process, ROOM)


def empty(processes: Iterable[Process]) -> None:
    """Let the processes write again."""
    for process in processes:
        _limit(process, None)


def _limit(process: Process, size: int | None) -> None:
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        allowed = hard if size is None else size
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (allowed, hard))


def _make_room_for_log(process: Process) -> None:
    """Put the log aside: it lies on a disk that is not full, and shall go on."""
    log = process.log_file
    with log.with_suffix(".old.log").open("ab") as old:
        old.write(log.read_bytes())
    with log.open("r+b") as opened_to_append:
        opened_to_append.truncate()
