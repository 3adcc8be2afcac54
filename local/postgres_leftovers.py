"""Finds and ends the processes of a Postgres data directory, also those that lost their parent."""

import hashlib
import logging
import os
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from local.processes import ServerTrouble
from local.servers import find_processes, gone

_VANISH_SECONDS = 10.0

_log = logging.getLogger(__name__)


def marker_of(data: Path) -> str:
    """Name the cluster so that `ps` shows whose every backend is; the inode tells re-creations."""
    identity = f"{data}:{data.stat().st_ino}"
    return f"backburner-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


async def evict(data: Path, *, grace: timedelta) -> None:
    """Stop a server that a killed parent left behind, and remove its stale lock file."""
    if left_behind := processes_of(data):
        _log.warning("stopping the Postgres that a killed parent left in %s", data)
        if (master := _postmaster(data)) in left_behind:
            _send(master, signal.SIGINT)
            await gone(lambda: processes_of(data), seconds=grace.total_seconds())
        await destroy(data)
    # Postgres takes the lock for live when its process id now is a zombie or somebody else's.
    (data / "postmaster.pid").unlink(missing_ok=True)


async def destroy(data: Path) -> None:
    """Kill what is left, and wait: a new server refuses to start while an old backend lives."""
    for pid in processes_of(data):
        _send(pid, signal.SIGKILL)
    if not await gone(lambda: processes_of(data), seconds=_VANISH_SECONDS):
        raise ServerTrouble(f"Postgres processes {processes_of(data)} of {str(data)!r} do not end")


def processes_of(data: Path) -> list[int]:
    """Find the live Postgres processes of a data directory, whoever started them."""
    marker, options = marker_of(data), {str(data), f"-D{data}"}

    def serves(command: list[str]) -> bool:
        if command[0].startswith("postgres:"):  # a backend: "postgres: <cluster name>: …"
            return marker in command[0]
        is_server = Path(command[0]).name == "postgres"
        return is_server and (bool(options & set(command)) or f"cluster_name={marker}" in command)

    return find_processes(serves)


def _postmaster(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):  # ended, or killed while it wrote the file
        return -1


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
