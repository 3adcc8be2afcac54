"""The true gateway of an installation, behind a socket."""

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import timedelta

from api.app import create_app
from api.serving import Server
from backburner import AsyncBackburner


@asynccontextmanager
async def running_gateway(house, settings=None):
    """Serve the gateway, and yield a client of it."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(create_app(house.gateway(callbacks=settings)))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with AsyncBackburner(url, outage=timedelta(seconds=5)) as client:
            yield client
    finally:
        server.should_exit = True
        await running
