"""Supervised child processes: what every local server has in common.

ServerTrouble                 a local server cannot do what was asked; the text says how to mend it
├── ProcessExited             it ended although it should run; carries the end of its log
├── NotReadyInTime            it runs but did not answer in time; carries the end of its log
├── DirectoryInUse            (local.servers) another live process serves this directory
├── PostgresMissing           (local.postgres_binaries) no Postgres on this machine
├── PostgresVersionMismatch   (local.postgres_cluster) the data was written by another major version
└── TemporalMissing           (local.temporal) no Temporal on this machine
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

_LEASH = Path(__file__).with_name("leash.py")
_GRACE = timedelta(seconds=10)
_READY_WITHIN = timedelta(seconds=60)
_PROBE_PAUSE_SECONDS = 0.02
_LOG_TAIL_BYTES = 2_000

Probe = Callable[[], Awaitable[bool]]


class ServerTrouble(RuntimeError):
    """A local server cannot do what was asked; the text says how to mend it."""


class ProcessExited(ServerTrouble):
    """A process ended although it should run."""


class NotReadyInTime(ServerTrouble):
    """A process runs but did not become ready in time."""


@dataclass(frozen=True)
class Account:
    """A user and group that a child process runs as."""

    uid: int
    gid: int


class Process:
    """One supervised child in a session of its own that dies with its parent.

    On Linux the kernel sends `stop_signal` to the child when the parent thread ends, however it
    ends. Elsewhere a child outlives a parent that was killed with SIGKILL.

    Args:
        command: Program (an absolute path) and arguments.
        log_file: Receives standard output and error, appended.
        environment: The child's whole environment; None passes on our own.
        account: User to become; needs root.
        stop_signal: What asks the program to end in order.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        working_directory: Path | None = None,
    ) -> None:
        self.log_file = log_file
        self.stop_signal = stop_signal
        self._command = [str(part) for part in command]
        self._environment = environment
        self._account = account
        self._working_directory = working_directory
        self._child: asyncio.subprocess.Process | None = None
        self._exit: asyncio.Task[int] | None = None

    @property
    def pid(self) -> int:
        """The process id, also after the end.

        Raises:
            ProcessLookupError: When it was never started.
        """
        if self._child is None:
            raise ProcessLookupError(f"{self._command[0]!r} was not started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._exit is not None and not self._exit.done()

    @property
    def exit_code(self) -> int | None:
        """The exit code, minus the signal number when killed; None while running or not started."""
        return self._child.returncode if self._child is not None else None

    async def start(self) -> None:
        """Start the program; returns at once, see `wait_ready`."""
        if self.running:
            raise RuntimeError(f"{self._command[0]!r} is running already")
        with _open_log(self.log_file) as log:
            self._child = await asyncio.create_subprocess_exec(
                *self._leashed_command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                cwd=self._working_directory,
                start_new_session=True,  # Ctrl-C in the terminal reaches the parent alone
            )
        self._exit = asyncio.create_task(self._child.wait())

    async def wait_ready(self, probe: Probe, *, within: timedelta = _READY_WITHIN) -> None:
        """Wait until `probe` answers True.

        Raises:
            ProcessExited: When the process ends first.
            NotReadyInTime: When `within` has passed.
        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not await probe():
                    await self._wait_for_exit(seconds=_PROBE_PAUSE_SECONDS)
                    self._require_running()
        except TimeoutError:
            raise NotReadyInTime(self._describe(f"was not ready within {within}")) from None
        self._require_running()  # or somebody else answered the probe

    async def wait(self) -> int:
        """Wait for the end and return the exit code."""
        await self._wait_for_exit()
        if self._child is None or self._child.returncode is None:
            raise ProcessLookupError(f"{self._command[0]!r} was not started")
        return self._child.returncode

    async def terminate(self, grace: timedelta = _GRACE) -> None:
        """Ask the program to end, and kill its process group when the grace is over.

        Does nothing when it is not running. When cancelled, it kills at once.
        """
        if not self.running:
            return
        os.kill(self.pid, self.stop_signal)
        try:
            await self._wait_for_exit(seconds=grace.total_seconds())
        finally:
            self._signal_group(signal.SIGKILL)
        await self._wait_for_exit()

    async def kill(self) -> None:
        """End the process group with SIGKILL, as a crash would."""
        if self.running:
            self._signal_group(signal.SIGKILL)
            await self._wait_for_exit()

    def log_tail(self) -> str:
        """Return the end of the log, for error messages."""
        with suppress(FileNotFoundError):
            return self.log_file.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.terminate()

    async def _wait_for_exit(self, *, seconds: float | None = None) -> None:
        if self._exit is not None:
            await asyncio.wait({self._exit}, timeout=seconds)  # unlike await, never cancels it

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _require_running(self) -> None:
        if not self.running:
            raise ProcessExited(self._describe(f"ended with exit code {self.exit_code}"))

    def _describe(self, what: str) -> str:
        return f"{self._command[0]!r} {what}. The end of {self.log_file}:\n{self.log_tail()}"

    def _leashed_command(self) -> list[str]:
        account = self._account or Account(-1, -1)
        ids = (os.getpid(), int(self.stop_signal), account.uid, account.gid)
        leash = [sys.executable, "-I", "-S", str(_LEASH), *map(str, ids)]
        return [*leash, *self._command]


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
