"""The example of a receiver takes what Backburner sends, and nothing else."""

import asyncio
import importlib.util
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
import uvicorn

from jobs.callbacks import DeliveryStatus
from storage import delivery_log, secrets
from tests.callbacks.recording import recorded
from tests.callbacks.test_telling import VAULT, settled
from tests.installation import TENANT, Installation

EXAMPLE = Path(__file__).parents[2] / "examples" / "receiver_fastapi.py"


@pytest.fixture
def example() -> ModuleType:
    specification = importlib.util.spec_from_file_location("receiver_fastapi", EXAMPLE)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
async def url(example: ModuleType) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(example.app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/callbacks"
    server.should_exit = True
    await serving


async def test_the_example_takes_a_callback_once(
    house: Installation, example: ModuleType, url: str, monkeypatch: pytest.MonkeyPatch
):
    [secret] = await secrets.signing(house.db, VAULT, TENANT, None)
    monkeypatch.setenv("CALLBACK_SECRETS", f"whsec_{'A' * 32} {secret.text}")
    job_id = await recorded(house, url)
    delivery = await settled(house, job_id)
    assert delivery.status is DeliveryStatus.DELIVERED
    await delivery_log.send_again(house.db, TENANT, delivery.id)
    assert (await settled(house, job_id)).attempts == 2

    [event] = example.finished
    assert (event.job_id, event.result) == (job_id, {"summary": "It worked."})


async def test_the_example_refuses_what_is_not_signed(
    example: ModuleType, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CALLBACK_SECRETS", f"whsec_{'A' * 32}")
    async with httpx2.AsyncClient(verify=False) as client:
        reply = await client.post(url, json={"type": "job.succeeded"})
    assert reply.status_code == 401
    assert example.finished == []
