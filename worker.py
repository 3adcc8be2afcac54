"""The worker process: composition root of workflows and activities.

    python worker.py                     serve all queues
    python worker.py --queues main,cpu   serve some of them; another worker serves the rest

It ends with status 0 after SIGTERM or SIGINT, with 1 and one sentence when it cannot go on.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from functools import partial

import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.deeds import Deeds
from activities.interceptor import Failures
from activities.maintenance_schedule import ensure_maintenance
from activities.opening import open_deeds
from activities.uncertainty import show_zeroes
from activities.watcher import Watcher
from jobs.errors import ServiceUnavailable
from jobs.queues import SWITCHES, Queue
from jobs.registry import JobType, PluginRefused, discover
from jobs.wording import said
from settings import (
    CallbackSettings,
    OpenAISettings,
    StorageSettings,
    TelemetrySettings,
    TemporalSettings,
    WorkerSettings,
)
from storage.database import CANNOT_OPEN, connect
from storage.migrate import MigrationRefused, migrate
from storage.namespaces import connect_temporal, register_search_attributes
from storage.objects import Objects, open_store
from telemetry.logs import configure_logging
from telemetry.setup import telemetry
from workflows.core.delivery import DeliveryRun
from workflows.core.maintenance import MaintenanceTurn
from workflows.core.scheduled import ScheduledJobRun

logger = logging.getLogger("backburner.worker")

STICKY_TIMEOUT = timedelta(seconds=2)
"""After a worker died, its cached workflows wait this long for it before another takes them."""

HEARTBEAT_THROTTLE = timedelta(seconds=10)
"""Cancels travel on heartbeats; no deed that beats oftener has to wait longer for one."""

LOCAL_RECORDS = 200
"""Record writes at once, each of milliseconds; Postgres's pool is the narrower gate."""

URGENT_DEEDS = 1000
"""Cancels and the like at once; a cancel waits for a submit in flight, up to a minute. They have
slots of their own because a wait can hold one of the main queue's for hours."""

SUBMITS = 100
"""Submits in turn at once; each one takes about a second."""

WORKFLOW_TASKS = 100

PASSED_THROUGH = ("jobs", "workflows", "opentelemetry")
"""Imported once instead of per workflow."""


class CannotRun(Exception):
    """The worker cannot start or go on; the text is for people."""


def workers(
    client: Client,
    deeds: Deeds,
    job_types: Mapping[str, JobType],
    queues: Sequence[Queue],
    *,
    base: str,
    settings: WorkerSettings,
    imported_once: Sequence[str] = PASSED_THROUGH,
) -> list[Worker]:
    """Build one Temporal worker per queue; sandboxes share the modules that are imported once.

    One that breaks does not end before its deeds have, and some of them wait for days: so it ends
    the waits of this process.
    """

    async def let_go(_: BaseException) -> None:
        deeds.watcher.drain()

    common = partial(
        Worker,
        client,
        interceptors=[Failures()],
        on_fatal_error=let_go,
        deployment_config=_deployment(settings),
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        # For files of plug-ins. Ours run outside of it, see `workflows.core.declare`, and are
        # shared with those inside.
        workflow_runner=SandboxedWorkflowRunner(
            SandboxRestrictions.default.with_passthrough_modules(*imported_once)
        ),
    )
    made = {
        Queue.MAIN: lambda: _main_worker(common, deeds, job_types, base, settings),
        Queue.URGENT: lambda: _urgent_worker(common, deeds, base, settings),
        Queue.OPENAI: lambda: _openai_worker(common, deeds, base, settings),
        Queue.CPU: lambda: _cpu_worker(common, deeds, base, settings),
        Queue.CALLBACKS: lambda: _callbacks_worker(common, deeds, base, settings),
    }
    return [made[queue]() for queue in queues]


def _deployment(settings: WorkerSettings) -> WorkerDeploymentConfig | None:
    """Say which version of the code this is; None leaves worker versioning off."""
    if settings.deployment is None or settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior[settings.versioning.upper()],
    )


def _main_worker(
    common: "partial[Worker]",
    deeds: Deeds,
    job_types: Mapping[str, JobType],
    base: str,
    settings: WorkerSettings,
) -> Worker:
    return common(
        task_queue=Queue.MAIN.under(base),
        workflows=[
            *(MaintenanceTurn, DeliveryRun, ScheduledJobRun),
            *(each.workflow for each in job_types.values()),
        ],
        activities=deeds.of_main(),
        max_cached_workflows=settings.cached_workflows,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
        max_concurrent_activities=settings.waiting_responses,
        max_concurrent_local_activities=LOCAL_RECORDS,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        graceful_shutdown_timeout=settings.graceful_shutdown,
    )


def _urgent_worker(
    common: "partial[Worker]", deeds: Deeds, base: str, settings: WorkerSettings
) -> Worker:
    return common(
        task_queue=Queue.URGENT.under(base),
        activities=deeds.of_urgent(),
        max_concurrent_activities=URGENT_DEEDS,
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=settings.graceful_shutdown,
    )


def _openai_worker(
    common: "partial[Worker]", deeds: Deeds, base: str, settings: WorkerSettings
) -> Worker:
    per_minute = deeds.responses.submitter.requests_per_minute
    return common(
        task_queue=Queue.OPENAI.under(base),
        activities=deeds.of_openai(),
        max_concurrent_activities=SUBMITS,
        # Enforced by the server, over all workers together.
        max_task_queue_activities_per_second=per_minute / 60 if per_minute else None,
        graceful_shutdown_timeout=settings.graceful_shutdown,
    )


def _cpu_worker(
    common: "partial[Worker]", deeds: Deeds, base: str, settings: WorkerSettings
) -> Worker:
    return common(
        task_queue=Queue.CPU.under(base),
        activities=deeds.of_cpu(),
        max_concurrent_activities=settings.extractions,
    )


def _callbacks_worker(
    common: "partial[Worker]", deeds: Deeds, base: str, settings: WorkerSettings
) -> Worker:
    return common(
        task_queue=Queue.CALLBACKS.under(base),
        activities=deeds.of_callbacks(),
        max_concurrent_activities=deeds.callbacks.concurrent,
        graceful_shutdown_timeout=settings.graceful_shutdown,
    )


async def serve(stack: AsyncExitStack, queues: Sequence[Queue]) -> None:
    """Connect, serve until told to stop, drain.

    Raises:
        CannotRun: Something needed is missing, or a worker broke.
    """
    seen = TelemetrySettings()
    configure_logging(seen.log_format)
    storage, temporal = StorageSettings(), TemporalSettings()
    settings, provider = WorkerSettings(), _provider_settings()
    store, url = open_store(storage.objects_url), storage.database_url
    with _needed("Postgres cannot be reached at BACKBURNER_DATABASE_URL", *CANNOT_OPEN):
        await migrate(url)
        db = await stack.enter_async_context(connect(url, pool_size=storage.database_pool_size))
    host, port, temporal_port = seen.metrics_host, seen.metrics_port, seen.temporal_metrics_port
    shown = telemetry("backburner-worker", host=host, port=port, temporal_port=temporal_port)
    with _needed("The metrics cannot be served", OSError):
        interceptors = stack.enter_context(shown)
    show_zeroes()
    with _needed("Temporal cannot be reached at TEMPORAL_ADDRESS", RPCError, RuntimeError):
        client = await connect_temporal(store, interceptors=interceptors)
        await register_search_attributes(client)
        if Queue.MAIN in queues:
            await ensure_maintenance(client, temporal.queue)
    job_types = discover()
    deeds = await stack.enter_async_context(
        open_deeds(
            client,
            db,
            Objects(store),
            job_types,
            queue=temporal.queue,
            listen_url=storage.listen_url or url,
            provider_settings=provider,
            settings=settings,
            callback_settings=CallbackSettings(),
        )
    )
    pool = workers(client, deeds, job_types, queues, base=temporal.queue, settings=settings)
    logger.info("serving %s", ", ".join(each.task_queue for each in pool))
    await _until_told(pool, deeds.watcher)


async def _until_told(pool: list[Worker], watcher: Watcher) -> None:
    """Run the workers until a signal comes, then end the waits and let the rest finish."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told.set)
    runs = [asyncio.create_task(worker.run()) for worker in pool]
    stop = asyncio.create_task(told.wait())
    await asyncio.wait([stop, *runs], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    logger.info("draining: %d responses wait elsewhere from now on", watcher.waiting)
    watcher.drain()
    await asyncio.gather(*(worker.shutdown() for worker in pool))
    for run in await asyncio.gather(*runs, return_exceptions=True):
        if isinstance(run, BaseException):
            raise CannotRun(f"a worker broke: {run}") from run


@contextmanager
def _needed(words: str, *errors: type[Exception]) -> Iterator[None]:
    """Say in one sentence what there is not."""
    try:
        yield
    except errors as error:
        raise CannotRun(f"{words}: {str(error) or type(error).__name__}") from error


def _provider_settings() -> OpenAISettings:
    try:
        return OpenAISettings()
    except ValidationError as error:
        if error.errors()[0]["type"] != "missing":
            raise
        raise CannotRun("OPENAI_API_KEY is not set: the worker cannot submit anything") from error


def _queues(text: str) -> list[Queue]:
    try:
        return [queue for name in text.split(",") for queue in SWITCHES[name]]
    except KeyError as error:
        raise argparse.ArgumentTypeError(f"not one of {', '.join(SWITCHES)}: {error}") from None


async def run(queues: Sequence[Queue]) -> None:
    """Serve, turning every foreseeable trouble into one sentence."""
    try:
        async with AsyncExitStack() as stack:
            await serve(stack, queues)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or error.title
        raise CannotRun(f"The setting {name!r} is wrong: {said(first)}") from error
    except (MigrationRefused, PluginRefused, ServiceUnavailable, SettingsError) as error:
        raise CannotRun(str(error)) from error


def main() -> int:
    """Run the worker process and return its exit status."""
    parser = argparse.ArgumentParser(description="Serve Backburner's task queues.")
    parser.add_argument(
        "--queues",
        type=_queues,
        default=list(Queue),
        help=f"comma-separated, of {', '.join(SWITCHES)}; all by default",
    )
    try:
        uvloop.run(run(parser.parse_args().queues))
    except CannotRun as error:
        logger.critical("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
