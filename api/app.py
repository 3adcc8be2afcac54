"""Builds the gateway: the application around its parts, and the parts from the settings."""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import ValidationError
from pydantic_settings import SettingsError
from temporalio.client import Interceptor

from api import handbook, problems
from api.edge import BodyLimit, Edge, HiddenLinks
from api.estimates import Estimates
from api.follower import Follower
from api.gateway import Gateway
from api.notifier import Notifier
from api.readiness import Readiness
from api.routes import (
    approvals,
    callbacks,
    channels,
    documents,
    endpoints,
    estimates,
    health,
    interactions,
    job_events,
    job_types,
    openai_webhook,
    quick,
    result_links,
)
from api.routes import jobs as job_routes
from api.routes import schedules as schedule_routes
from api.serving import Server
from jobs.registry import PluginRefused, discover
from jobs.webhooks import INCOMING_PATH
from jobs.wording import said
from settings import (
    CallbackSettings,
    GatewaySettings,
    StorageSettings,
    TelemetrySettings,
    TemporalSettings,
)
from storage import database
from storage.migrate import MigrationRefused, migrate
from storage.namespaces import connect_temporal
from storage.objects import Objects, open_store
from telemetry.logs import configure_logging
from telemetry.setup import telemetry

DESCRIPTION = """Long AI jobs that must not be lost: submit one, get an id at once, and ask for its
status, events and result whenever you like. Every error is a problem document (RFC 9457)."""

TAGS = [
    {"name": "jobs", "description": "Submit jobs and see what became of them."},
    {"name": "interactions", "description": "Talk to a job while it goes on."},
    {"name": "approvals", "description": "What waits for people's decisions."},
    {"name": "schedules", "description": "Have jobs run by themselves."},
    {"name": "documents", "description": "Files that jobs read."},
    {"name": "job types", "description": "What this installation can do."},
    {"name": "webhooks", "description": "What the provider tells us."},
    {"name": "callbacks", "description": "What others are told when jobs end, and who hears it."},
    {"name": "notifications", "description": "Where people can be told of jobs."},
    {"name": "health", "description": "For load balancers and supervisors."},
]

ROUTES = (
    estimates,
    job_routes,
    job_events,
    quick,
    interactions,
    approvals,
    schedule_routes,
    documents,
    job_types,
    openai_webhook,
    endpoints,
    callbacks,
    channels,
    result_links,
    health,
    handbook,
)

LOG = logging.getLogger("api")


def create_app(gateway: Gateway) -> FastAPI:
    """Build the application around a gateway's parts."""
    follower, notifier = Follower(gateway.db), Notifier(gateway.db)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(follower.run(gateway.listen_url))
        try:
            async with notifier.running():
                yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    app = _Documented(
        title="Backburner",
        version=_version(),
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": gateway.settings.public_url or "/"}],
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
        telemetry={"operation_spans": False, "logs": False, "exclude": _is_probe},
    )
    app.state.gateway, app.state.follower, app.state.notifier = gateway, follower, notifier
    app.state.estimates, app.state.readiness = Estimates(gateway.db), Readiness(gateway)
    app.add_middleware(
        BodyLimit,
        limit=gateway.settings.max_request_bytes,
        exceptions={
            documents.router.prefix: gateway.settings.max_upload_bytes,
            INCOMING_PATH: openai_webhook.LARGEST_BYTES,
        },
    )
    app.add_middleware(HiddenLinks)
    problems.install(app)
    for routes in ROUTES:
        app.include_router(routes.router)
    return app


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings, interceptors: Sequence[Interceptor] = ()
) -> AsyncIterator[Gateway]:
    """Bring the database up to date and connect to everything the environment names.

    Temporal may be down: jobs are accepted, and started once it is back.

    Raises:
        ValidationError: A setting is wrong.
        MigrationRefused: The database does not fit this code.
        storage.database.CANNOT_OPEN: Postgres is away or refuses us.
    """
    storage, temporal = StorageSettings(), TemporalSettings()
    store = open_store(storage.objects_url)
    await migrate(storage.database_url)
    async with database.connect(storage.database_url, pool_size=storage.database_pool_size) as db:
        client = await connect_temporal(store, lazy=True, interceptors=interceptors)
        yield Gateway(
            db=db,
            objects=Objects(store),
            temporal=client,
            job_types=discover(),
            settings=settings,
            queue=temporal.queue,
            callbacks=CallbackSettings(),
            temporal_ui_url=temporal.temporal_ui_url,
            listen_url=storage.listen_url or storage.database_url,
        )


def main() -> None:
    """Serve until told to stop; what is missing is said in one sentence."""
    try:
        configure_logging(TelemetrySettings().log_format)
        _run()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or error.title
        raise SystemExit(f"The setting {name!r} is wrong: {said(first)}.") from None
    except (MigrationRefused, PluginRefused, SettingsError) as error:
        raise SystemExit(f"The gateway cannot start: {error}.") from None
    except database.CANNOT_OPEN as error:
        reason = str(error) or type(error).__name__
        raise SystemExit(f"The gateway cannot open Postgres: {reason}.") from None


def _run() -> None:
    if sys.platform == "win32":
        asyncio.run(_serve())
    else:
        import uvloop  # does not exist on Windows

        uvloop.run(_serve())


async def _serve() -> None:
    settings, seen = GatewaySettings(), TelemetrySettings()
    with telemetry(
        "backburner-gateway", host=seen.metrics_host, temporal_port=seen.temporal_metrics_port
    ) as interceptors:
        await _serve_until_told(settings, interceptors)


async def _serve_until_told(settings: GatewaySettings, interceptors: Sequence[Interceptor]) -> None:
    async with open_gateway(settings, interceptors) as gateway:
        listener = _listen(settings.host, settings.port)
        LOG.info("listening on http://%s:%s", settings.host, listener.getsockname()[1])
        await Server(create_app(gateway)).serve(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = f"The gateway cannot listen on {host}:{port}: {error.strerror}."
        raise SystemExit(reason) from None


class _Documented(Edge):
    """Adds the problem document, which no route returns by itself, to the OpenAPI schemas."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document["components"]["schemas"]
            schemas.update(schema.pop("$defs"))
            schemas["Problem"] = schema
        return super().openapi()


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in ("/livez", "/readyz", "/metrics")


def _operation_id(route: APIRoute) -> str:
    return route.name


def _version() -> str:
    try:
        return version("backburner")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
