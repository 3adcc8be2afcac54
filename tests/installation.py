"""A whole Backburner for one test: its own database, queue, objects and worker; shared servers."""

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from pydantic import SecretStr
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client

import worker
from activities.deeds import Deeds
from activities.opening import open_deeds
from activities.watcher import Watcher
from api.gateway import Gateway
from jobs.ids import uuid7
from jobs.notifications import Notice
from jobs.options import JobOptions
from jobs.queues import Queue
from jobs.registry import JobType, discover
from jobs.starting import SEARCH_ATTRIBUTES
from jobs.values import JobId, Tenant
from local.processes import Process
from local.temporal import TemporalServer
from settings import CallbackSettings, GatewaySettings, OpenAISettings, WorkerSettings
from storage import executions
from storage import jobs as job_rows
from storage.bookings import COLUMNS
from storage.database import Database, connect
from storage.executions import Life
from storage.jobs import JobRow, NewJob
from storage.objects import Objects, open_store
from storage.payloads import data_converter
from storage.responses import Submit, to_submit

ROOT = Path(__file__).parent.parent
TENANT = Tenant("default")
GLANCE = 0.02
ATTRIBUTES = {key.name: "Keyword" for key in SEARCH_ATTRIBUTES}
"""What a Temporal for tests knows of jobs."""
HERE = (ip_network("127.0.0.0/8"),)
"""Where the receivers of tests listen."""
HOUSE = ("tests",)
"""Job types of tests are imported once, too: sandboxes that import them for each test anew take
most of the suite's time. What a sandbox catches is tested by itself, with a worker's own."""

T = TypeVar("T")


async def ledger_of(db: Database, job_id: JobId) -> list[Submit]:
    """Return every submit of a job."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM responses WHERE job_id = $1 "  # noqa: S608 # constant
        "ORDER BY intent_at, step_key, submit_number",
        job_id,
    )
    return [to_submit(row) for row in rows]


async def eventually(look: Callable[[], Awaitable[T]], good: Callable[[T], Any] = bool) -> T:
    """Look until what is seen is good; the test's own timeout bounds it."""
    while not good(seen := await look()):
        await asyncio.sleep(GLANCE)  # the state lives in another process
    return seen


async def waits(watcher: Watcher, count: int = 1) -> None:
    """Look until a process waits for so many responses."""

    async def waiting() -> int:
        return watcher.waiting

    await eventually(waiting, lambda found: found == count)


@dataclass
class Installation:
    """What a test holds in its hand."""

    db: Database
    client: Client
    objects: Objects
    emulator: httpx2.AsyncClient
    job_types: Mapping[str, JobType]
    queue: str
    environment: dict[str, str]
    logs: Path
    deeds: Deeds | None = None
    ids: list[JobId] = field(default_factory=list)

    async def submit(
        self,
        job_type: str,
        payload: dict[str, Any],
        options: JobOptions | None = None,
        *,
        callback_url: str | None = None,
        notify: Sequence[Notice] = (),
        tenant: Tenant = TENANT,
    ) -> JobId:
        """Insert a job and start its workflow, as the gateway does."""
        new = NewJob(
            id=JobId(uuid7(time.time_ns() // 1_000_000)),
            tenant=tenant,
            type=job_type,
            payload=payload,
            options=options or JobOptions(),
            callback_url=callback_url,
            notify=tuple(notify),
        )
        row, _ = await job_rows.insert(self.db, new)
        await executions.start(self.client, self.queue, self.job_types[job_type], row)
        self.ids.append(row.id)
        return row.id

    async def job(self, job_id: JobId) -> JobRow:
        return await job_rows.get(self.db, TENANT, job_id)

    async def result(self, job_id: JobId) -> Any:
        return await job_rows.get_result(self.db, TENANT, job_id)

    async def ended(self, job_id: JobId) -> JobRow:
        """Wait until the record says that the job has ended."""
        return await eventually(lambda: self.job(job_id), lambda row: row.status.is_terminal)

    async def closed(self, job_id: JobId) -> str:
        """Wait until the workflow has closed and return Temporal's name for how."""
        handle = self.client.get_workflow_handle(str(job_id))
        found = await eventually(handle.describe, lambda each: each.close_time is not None)
        return found.status.name if found.status else "UNKNOWN"

    async def forget(self, job_id: JobId) -> None:
        """Have Temporal forget a workflow, as it does in time."""
        await self.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=self.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=str(job_id)),
            )
        )
        await eventually(
            lambda: executions.look(self.client, job_id), lambda life: life is Life.ABSENT
        )

    async def submits(self, job_id: JobId) -> list[Submit]:
        return await ledger_of(self.db, job_id)

    async def created(self) -> list[dict[str, Any]]:
        """Return every response that this installation created, as the emulator knows them."""
        ledger = (await self.emulator.get("/ledger")).json()
        mine = {str(each) for each in self.ids}
        return [each for each in ledger if each["metadata"].get("backburner_job") in mine]

    def gateway(
        self,
        settings: GatewaySettings | None = None,
        callbacks: CallbackSettings | None = None,
        *,
        ui_url: str | None = None,
    ) -> Gateway:
        """Return what the routes need; receivers of callbacks may be on this machine."""
        return Gateway(
            db=self.db,
            objects=self.objects,
            temporal=self.client,
            job_types=self.job_types,
            settings=settings or GatewaySettings(),
            queue=self.queue,
            callbacks=callbacks or CallbackSettings(callback_networks=HERE),
            temporal_ui_url=ui_url,
        )

    def worker_process(self, name: str = "worker") -> Process:
        """Return a worker as an own process, not started yet."""
        return Process(
            [sys.executable, str(ROOT / "worker.py")],
            log_file=self.logs / f"{name}.log",
            environment=self.environment,
            working_directory=ROOT,
        )


@asynccontextmanager
async def installed(
    *, database_url: str, temporal_address: str, emulator_url: str, folder: Path, queue: str
) -> AsyncIterator[Installation]:
    """Build an installation without a worker."""
    objects_url = (folder / "objects").as_uri()
    store = open_store(objects_url)
    environment = dict(
        os.environ,
        PYTHONPATH=str(ROOT),
        BACKBURNER_DATABASE_URL=database_url,
        BACKBURNER_OBJECTS_URL=objects_url,
        BACKBURNER_QUEUE=queue,
        TEMPORAL_ADDRESS=temporal_address,
        BACKBURNER_CALLBACK_NETWORKS=json.dumps([str(each) for each in HERE]),
        OPENAI_API_KEY="emulated",
        OPENAI_BASE_URL=f"{emulator_url}/v1",
    )
    async with AsyncExitStack() as stack:
        yield Installation(
            db=await stack.enter_async_context(connect(database_url, pool_size=10)),
            client=await Client.connect(temporal_address, data_converter=data_converter(store)),
            objects=Objects(store),
            emulator=await stack.enter_async_context(
                httpx2.AsyncClient(base_url=f"{emulator_url}/__admin")
            ),
            job_types=discover(),
            queue=queue,
            environment=environment,
            logs=folder,
        )


@asynccontextmanager
async def own_temporal(
    database_url: str,
    emulator_url: str,
    folder: Path,
    *,
    file: Path | None = None,
    ui: bool = False,
) -> AsyncIterator[tuple[TemporalServer, Installation]]:
    """Build an installation with a Temporal of its own; with a file, it survives being killed."""
    async with (
        TemporalServer(file, ui=ui, search_attributes=ATTRIBUTES) as server,
        installed(
            database_url=database_url,
            temporal_address=server.address,
            emulator_url=emulator_url,
            folder=folder,
            queue=f"q-{uuid.uuid4().hex[:12]}",
        ) as installation,
    ):
        yield server, installation


@asynccontextmanager
async def serving(
    installation: Installation,
    settings: WorkerSettings | None = None,
    callback_settings: CallbackSettings | None = None,
    *,
    queues: Sequence[Queue] = tuple(Queue),
    **provider: Any,
) -> AsyncIterator[Deeds]:
    """Run a worker inside this process for as long as the block lasts.

    Args:
        installation: Whose worker it is.
        settings: Of the worker.
        callback_settings: How it tells others; by default, receivers on this machine too.
        queues: What it serves.
        provider: Fields of `OpenAISettings` that differ from the usual ones.
    """
    settings = settings or WorkerSettings()
    known = {"base_url": installation.environment["OPENAI_BASE_URL"]}
    async with open_deeds(
        installation.client,
        installation.db,
        installation.objects,
        installation.job_types,
        queue=installation.queue,
        listen_url=installation.environment["BACKBURNER_DATABASE_URL"],
        provider_settings=OpenAISettings(api_key=SecretStr("emulated"), **(known | provider)),
        settings=settings,
        callback_settings=callback_settings or CallbackSettings(callback_networks=HERE),
    ) as deeds:
        pool = worker.workers(
            installation.client,
            deeds,
            installation.job_types,
            queues,
            base=installation.queue,
            settings=settings,
            imported_once=(*worker.PASSED_THROUGH, *HOUSE),
        )
        async with AsyncExitStack() as stack:
            for each in pool:
                await stack.enter_async_context(each)
            installation.deeds = deeds
            try:
                yield deeds
            finally:
                deeds.watcher.drain()
