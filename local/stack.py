"""Everything on a laptop: Postgres, Temporal with its UI, the emulator, gateway and worker."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from jobs.starting import SEARCH_ATTRIBUTES
from jobs.webhooks import EVENT_TYPES, INCOMING_PATH
from local.ports import preferred_port
from local.postgres import Postgres
from local.processes import Process, ServerTrouble
from local.temporal import TemporalServer
from settings import TemporalSettings

ROOT = Path(__file__).parent.parent
DATABASE = "backburner"
EMULATED_KEY = "emulated"
THIS_MACHINE = '["127.0.0.0/8", "::1/128"]'
"""Where callbacks of a stack on a laptop may go, besides the internet."""

GATEWAY_PORT, TEMPORAL_PORT, UI_PORT, EMULATOR_PORT = 8080, 7233, 8233, 8070
"""Where people look first; a port in use is replaced by a free one."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a running stack are found.

    Attributes:
        emulated: Whether the answers come from the emulator instead of OpenAI.
    """

    gateway: str
    temporal: str
    temporal_ui: str
    provider: str
    emulated: bool


class Stack:
    """A running stack.

    Attributes:
        addresses: Where its parts are found.
        processes: Emulator, gateway and workers, by name.
        postgres: Its database server.
        temporal: Its Temporal server.
        database_url: Of its Postgres; only this machine can use it.
    """

    def __init__(
        self,
        addresses: Addresses,
        processes: Mapping[str, Process],
        postgres: Postgres,
        temporal: TemporalServer,
    ) -> None:
        self.addresses = addresses
        self.processes = processes
        self.postgres = postgres
        self.temporal = temporal
        self.database_url = postgres.dsn(DATABASE)

    async def broken(self) -> str:
        """Wait until a part ends although nobody stopped it; return what to tell people."""
        waits = {
            asyncio.create_task(process.wait()): name for name, process in self.processes.items()
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        process = self.processes[name := waits[done.pop()]]
        return f"the {name} ended by itself. The end of {process.log_file}:\n{process.log_tail()}"


def running_stack(folder: Path) -> Addresses | None:
    """Return the addresses of the stack that serves a data folder, None when none does."""
    try:
        addresses = Addresses(**json.loads((folder / "stack.json").read_text()))
        httpx2.get(f"{addresses.gateway}/livez", timeout=2).raise_for_status()
    except (OSError, ValueError, TypeError, httpx2.HTTPError):
        return None
    return addresses


@asynccontextmanager
async def started(
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    gateway_port: int | None = None,
    workers: int = 1,
) -> AsyncIterator[Stack]:
    """Start a stack on a data folder and stop it, in order, in the end.

    Args:
        folder: Where its data lives.
        environment: Of its processes; without an OPENAI_API_KEY the emulator answers.
        gateway_port: Where the gateway listens if nothing else does; None takes the environment's
            BACKBURNER_PORT, or 8080.
        workers: How many worker processes; they are called `worker`, `worker-2` and so on.

    Raises:
        ServerTrouble: A part cannot start; the text says how to mend it.
    """
    temporal = _temporal(folder)
    addresses = _addresses(temporal, environment, gateway_port or wanted_port(environment))
    async with AsyncExitStack() as parts:
        client = await parts.enter_async_context(_client())
        processes: dict[str, Process] = {}
        if addresses.emulated:
            # First, because it needs nobody and comes up while the servers do.
            emulator = _emulator(folder, addresses, environment)
            processes["emulator"] = await parts.enter_async_context(emulator)
        postgres = await parts.enter_async_context(Postgres(folder / "postgres"))
        await postgres.create_database(DATABASE)
        await parts.enter_async_context(temporal)
        inherited = _environment(folder, postgres, addresses, environment)
        if addresses.emulated:
            inherited |= await _webhooks(processes["emulator"], addresses, client)
        programs = {"gateway": ("-m", "api"), "worker": ("worker.py",)}
        programs |= {f"worker-{number}": ("worker.py",) for number in range(2, workers + 1)}
        for name, arguments in programs.items():
            own = inherited if name == "gateway" else of_worker(inherited, addresses)
            process = python(folder, name, own, *arguments)
            processes[name] = await parts.enter_async_context(process)
        ready = f"{addresses.gateway}/readyz"
        await processes["gateway"].wait_ready(lambda: _answers(ready, client))
        await processes["worker"].wait_ready(lambda: _is_polled(temporal.address))
        (folder / "stack.json").write_text(json.dumps(asdict(addresses)))
        parts.callback((folder / "stack.json").unlink, missing_ok=True)
        yield Stack(addresses, processes, postgres, temporal)


def wanted_port(environment: Mapping[str, str]) -> int:
    """Return where the gateway should listen if nothing else does.

    Raises:
        ServerTrouble: The environment names no port.
    """
    port = environment.get("BACKBURNER_PORT") or str(GATEWAY_PORT)
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ServerTrouble(f"BACKBURNER_PORT is {port!r}; write a number from 1 to 65535")
    return int(port)


def of_worker(inherited: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """Return a worker's environment: links in mail and callbacks need an address to lead to."""
    public = inherited.get("BACKBURNER_PUBLIC_URL") or addresses.gateway
    return {**inherited, "BACKBURNER_PUBLIC_URL": public}


def _temporal(folder: Path) -> TemporalServer:
    return TemporalServer(
        folder / "temporal.db",
        port=preferred_port(TEMPORAL_PORT),
        ui_port=preferred_port(UI_PORT),
        search_attributes={key.name: "Keyword" for key in SEARCH_ATTRIBUTES},
    )


def _addresses(
    temporal: TemporalServer, environment: Mapping[str, str], gateway_port: int
) -> Addresses:
    emulated = not environment.get("OPENAI_API_KEY")
    emulator = f"http://127.0.0.1:{preferred_port(EMULATOR_PORT)}/v1"
    openai = environment.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    return Addresses(
        gateway=f"http://127.0.0.1:{preferred_port(gateway_port)}",
        temporal=temporal.address,
        temporal_ui=temporal.ui_url or "",
        provider=emulator if emulated else openai,
        emulated=emulated,
    )


def _environment(
    folder: Path, postgres: Postgres, addresses: Addresses, environment: Mapping[str, str]
) -> dict[str, str]:
    receivers = environment.get("BACKBURNER_CALLBACK_NETWORKS") or THIS_MACHINE
    return dict(
        environment,
        BACKBURNER_CALLBACK_NETWORKS=receivers,
        BACKBURNER_DATABASE_URL=postgres.dsn(DATABASE),
        BACKBURNER_OBJECTS_URL=(folder / "objects").resolve().as_uri(),
        BACKBURNER_PORT=addresses.gateway.rsplit(":", 1)[1],
        BACKBURNER_TEMPORAL_UI_URL=addresses.temporal_ui,
        TEMPORAL_ADDRESS=addresses.temporal,
        OPENAI_API_KEY=environment.get("OPENAI_API_KEY") or EMULATED_KEY,
        OPENAI_BASE_URL=addresses.provider,
        PYTHONUNBUFFERED="1",
    )


def _emulator(folder: Path, addresses: Addresses, environment: Mapping[str, str]) -> Process:
    port = str(urlsplit(addresses.provider).port)
    arguments = ("-m", "local.openai_emulator", "--port", port)
    return python(folder, "emulator", {**environment, "PYTHONUNBUFFERED": "1"}, *arguments)


async def _webhooks(
    emulator: Process, addresses: Addresses, client: httpx2.AsyncClient
) -> dict[str, str]:
    """Have the emulator send its webhooks to the gateway; return what the gateway has to know."""
    endpoint = {
        "name": "backburner",
        "url": addresses.gateway + INCOMING_PATH,
        "event_types": list(EVENT_TYPES),
    }
    await emulator.wait_ready(lambda: _answers(f"{addresses.provider}/models", client))
    reply = await client.post(f"{addresses.provider}/webhook_endpoints", json=endpoint)
    secret = reply.raise_for_status().json()["signing_secret"]
    return {"BACKBURNER_OPENAI_WEBHOOK_SECRETS": json.dumps([secret])}


def python(folder: Path, name: str, environment: Mapping[str, str], *arguments: str) -> Process:
    """Return one of our programs as a process that logs into the data folder."""
    return Process(
        [sys.executable, *arguments],
        log_file=folder / f"{name}.log",
        environment=environment,
        working_directory=ROOT,
    )


def _client() -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {EMULATED_KEY}"}
    # Loading the certificates takes a tenth of a second, and nothing here speaks TLS.
    return httpx2.AsyncClient(headers=headers, timeout=5, verify=False)


async def _answers(url: str, client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get(url)).is_success
    except httpx2.HTTPError:
        return False


async def _is_polled(address: str) -> bool:
    """Tell whether a worker asks Temporal for work."""
    client = await Client.connect(address)
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TemporalSettings().queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    return len(found.pollers) > 0
