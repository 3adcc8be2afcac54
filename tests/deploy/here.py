"""Runs the services of docker-compose.yml as processes of this machine."""

import asyncio
import os
import sys
import uuid
from pathlib import Path

import httpx2

from deploy import make_env
from local.ports import free_port
from local.processes import Process
from tests.deploy.composition import HOUSE, services


def fresh_variables() -> dict[str, str]:
    """Return what a fresh `.env` sets."""
    return dict(line.split("=", 1) for line in make_env.lines())


class Here:
    """Same commands, same environment; each service as often as a test likes."""

    def __init__(self, folder: Path, postgres: str, temporal: str) -> None:
        self.variables = fresh_variables()
        self.emulator_port = free_port()
        self._gateway_ports: dict[int, int] = {}
        self._folder, self._queue = folder, f"q-{uuid.uuid4().hex}"
        self._services = services(self.variables)
        password = self.variables["BACKBURNER_POSTGRES_PASSWORD"]
        self._moved = {
            f"postgresql://backburner:{password}@postgres:5432/backburner": postgres,
            "temporal:7233": temporal,
            "file:///var/lib/backburner/objects": (folder / "objects").as_uri(),
            "http://emulator:8070": f"http://127.0.0.1:{self.emulator_port}",
            "127.0.0.1:8070": f"127.0.0.1:{self.emulator_port}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104 # a container's own address, replaced here
        }

    def process(self, name: str, replica: int = 0) -> Process:
        """Return a service as a process; only addresses and ports differ from the file."""
        service = self._services[name]
        environment = {key: self._here(value) for key, value in service.environment.items()}
        if name == "gateway":
            environment["BACKBURNER_PORT"] = str(self.gateway_port(replica))
        environment |= {"PATH": os.environ["PATH"], "BACKBURNER_QUEUE": self._queue}
        return Process(
            self._command(service.command),
            log_file=self._folder / f"{name}-{replica}.log",
            environment=environment,
            working_directory=HOUSE,
        )

    def gateway_port(self, replica: int) -> int:
        """Return where a gateway listens."""
        if replica not in self._gateway_ports:
            self._gateway_ports[replica] = free_port()
        return self._gateway_ports[replica]

    def client(self, replica: int = 0) -> httpx2.AsyncClient:
        """Return a client of a gateway that has the token of the environment."""
        token = self.variables["BACKBURNER_API_TOKENS"].split('"')[1]
        return httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.gateway_port(replica)}",
            headers={"Authorization": f"Bearer {token}"},
        )

    async def is_well(self, name: str, replica: int = 0) -> bool:
        """Run the health check of the file."""
        command = self._command(self._services[name].health_check)
        port = f"127.0.0.1:{self.gateway_port(replica)}"
        check = await asyncio.create_subprocess_exec(
            *(each.replace("127.0.0.1:8080", port) for each in command),
            cwd=HOUSE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await check.wait() == 0

    def _command(self, command: list[str]) -> list[str]:
        words = [self._here(each) for each in command]
        words = [str(self.emulator_port) if each == "8070" else each for each in words]
        assert words[0] == "python"
        return [sys.executable, *words[1:]]

    def _here(self, text: str) -> str:
        for there, here in self._moved.items():
            text = text.replace(there, here)
        return text
