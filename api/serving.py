"""Serves the application with uvicorn, and lets it stop in order."""

import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.follower import Follower

GRACE_SECONDS = 30
"""How long requests in flight, uploads above all, may take after the gateway was told to stop."""


class Server(uvicorn.Server):
    """Uvicorn that lets long polls and event streams go when it is told to stop."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._follower: Follower = app.state.follower

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second Ctrl-C does not wait for anybody.

        Uvicorn would raise the signal again in the end, and our connections would not be closed.
        """
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, end the streams, wait for the rest."""
        self._follower.close()
        await super().shutdown(sockets)
