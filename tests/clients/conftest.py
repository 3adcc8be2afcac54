import dataclasses
import socket
import threading

import pytest
import uvicorn

from backburner import AsyncBackburner
from tests.clients.fake_gateway import FakeGateway, create_app


@pytest.fixture(scope="session")
def fake_gateway_server():
    """One server for all tests; in a thread, since the command line runs loops of its own."""
    gateway = FakeGateway()
    listener = socket.create_server(("127.0.0.1", 0))
    gateway.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Broken replies are raised on purpose and would fill the log.
    config = uvicorn.Config(create_app(gateway), timeout_graceful_shutdown=1, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield gateway
    server.should_exit = True
    thread.join()


@pytest.fixture
def gateway(fake_gateway_server):
    fresh = FakeGateway(url=fake_gateway_server.url)
    for each in dataclasses.fields(fresh):
        setattr(fake_gateway_server, each.name, getattr(fresh, each.name))
    return fake_gateway_server


@pytest.fixture
async def client(gateway):
    async with AsyncBackburner(gateway.url) as client:
        yield client


@pytest.fixture
def nobody():
    """An address at which nothing listens, held so that nobody else takes it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
