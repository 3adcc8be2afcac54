"""A gateway served over real HTTP, in the test's own event loop, on real servers."""

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from temporalio.client import Client

from api.app import create_app
from api.gateway import Gateway
from api.serving import Server
from jobs.model import Ending, Failure, JobRef, Progress, ProgressReport
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from local.ports import free_port
from settings import GatewaySettings
from storage import job_moves
from tests.installation import TENANT, Installation

TEXT = {"type": "summarize_text", "payload": {"text": "The pilot ran for six weeks."}}
# Loading the certificate store costs a tenth of a second per client, and nothing here uses TLS.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[tuple[httpx2.AsyncClient, Server]]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(create_app(gateway))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx2.AsyncClient(base_url=url, verify=NO_TLS, timeout=20) as client:
            yield client, server
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(gateway) as (client, _):
        yield client


@pytest.fixture
def gateway(bare: Installation) -> Gateway:
    settings = GatewaySettings(max_request_bytes=200_000, max_upload_bytes=3_000_000)
    return bare.gateway(settings, ui_url="http://127.0.0.1:8233/")


@pytest.fixture
async def api(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with served(gateway) as client:
        yield client


def with_settings(gateway: Gateway, **settings: Any) -> Gateway:
    return dataclasses.replace(gateway, settings=GatewaySettings(**settings))


async def without_temporal(gateway: Gateway) -> Gateway:
    """Return a gateway whose Temporal is down."""
    converter = gateway.temporal.data_converter
    nowhere = f"127.0.0.1:{free_port()}"
    client = await Client.connect(nowhere, data_converter=converter, lazy=True)
    return dataclasses.replace(gateway, temporal=client)


async def submitted(api: httpx2.AsyncClient, body: dict[str, Any] = TEXT) -> JobId:
    reply = await api.post("/api/jobs", json=body)
    assert reply.status_code == 202, reply.text
    return JobId(reply.json()["job_id"])


def ref(job_id: JobId, tenant: Tenant = TENANT) -> JobRef:
    return JobRef(tenant=tenant, job_id=job_id, type="summarize_text")


async def progressed(gateway: Gateway, job_id: JobId, current: int, total: int = 4) -> None:
    progress = Progress(stage="Reading", current=current, total=total)
    await job_moves.write_progress(gateway.db, ProgressReport(job=ref(job_id), progress=progress))


async def ended(
    gateway: Gateway,
    job_id: JobId,
    status: JobStatus = JobStatus.SUCCEEDED,
    *,
    result: str | None = '{"summary": "It worked."}',
    failure: Failure | None = None,
    result_key: str | None = None,
) -> None:
    """Record an end as the workflow would."""
    ending = Ending(
        job=ref(job_id),
        status=status,
        result=result if status is JobStatus.SUCCEEDED else None,
        failure=failure,
        started_at=datetime.now(UTC),
    )
    await job_moves.finish(gateway.db, ending, result_key=result_key)


def assert_problem(reply: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = reply.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"] == f"/docs/errors#{code}"
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert {"title", "detail", "advice", "errors"} <= problem.keys()
    return problem
