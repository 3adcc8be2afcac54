"""What the local servers share: their life cycle, and that a directory has one master."""

import asyncio
import fcntl
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from local.processes import Process, ServerTrouble

_POLL_SECONDS = 0.01


class DirectoryInUse(ServerTrouble):
    """Another live process serves this directory."""


class Server(ABC):
    """A local server that can be stopped, killed and started again on the same port.

    As a context manager it starts, and at the end stops and releases what it holds. Otherwise call
    `close` at the end, also when `start` failed.
    """

    _process: Process | None = None

    @property
    def process(self) -> Process:
        """The process that serves now, or did last: to watch its end, or for its id.

        Raises:
            ProcessLookupError: When the server was never started.
        """
        if self._process is None:
            raise ProcessLookupError(f"{type(self).__name__} was not started")
        return self._process

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and self._process.running

    @abstractmethod
    async def start(self) -> None:
        """Start the server and return when it answers."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop the server in order; does nothing when it is not running."""

    @abstractmethod
    async def kill(self) -> None:
        """End the server as a crash would, without a chance to clean up."""

    async def restart(self) -> None:
        """Stop and start on the same port."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Stop, and release the directory."""
        try:
            await self.stop()
        finally:
            self._release()

    @abstractmethod
    def _release(self) -> None:
        """Give back the directory lock and remove a throwaway directory."""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self._release()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class DirectoryLock:
    """Says that this process is the one that serves what a lock file stands for.

    The kernel drops the lock when the process ends, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def acquire(self) -> None:
        """Take the lock; does nothing when this object holds it.

        Raises:
            DirectoryInUse: When another process, or another object here, holds it.
        """
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise DirectoryInUse(
                f"{str(self._path.parent)!r} is served by process {owner} already; stop that first"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def find_processes(matches: Callable[[list[str]], bool]) -> list[int]:
    """Return the ids of the live processes whose command line (title, when changed) matches."""
    return [pid for pid, command in _command_lines() if pid != os.getpid() and matches(command)]


async def gone(find: Callable[[], list[int]], *, seconds: float) -> bool:
    """Wait until `find` finds nothing; False when `seconds` passed before that.

    They are not our children, so there is no exit to await: look again and again.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while find():  # noqa: ASYNC110 - other people's processes set no event of ours
                await asyncio.sleep(_POLL_SECONDS)
            return True
    return False


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    if sys.platform != "linux":
        yield from _command_lines_by_ps()
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended while we looked
                # Empty for zombies and kernel threads, which match nothing.
                line = (entry / "cmdline").read_text(errors="replace")
                yield int(entry.name), line.rstrip("\0").split("\0")


def _command_lines_by_ps() -> Iterator[tuple[int, list[str]]]:
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True
    )
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.split(" ")
