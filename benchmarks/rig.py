"""A whole Backburner on the stub, and what its processes consume."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from jobs.webhooks import INCOMING_PATH
from local.ports import free_port
from local.processes import Process
from local.stack import Stack, python, started

SECRET = "whsec_YmVuY2htYXJrcy1zaWduLXdpdGgtdGhpcy1rZXk="  # noqa: S105 # of a stub on the loopback
KEY = "benchmark"
TEXT = "The pilot ran for six weeks and cut costs by 14 percent."


@dataclass(frozen=True)
class Rig:
    """A running stack with the stub as its provider."""

    stack: Stack
    stub: Process
    stub_url: str
    http: aiohttp.ClientSession

    async def submit(self, seconds: float, **more: Any) -> str:
        """Submit a job of one response that takes some seconds; return its id."""
        return str((await self._post(_job(seconds) | more))["job_id"])

    async def finish(self, seconds: float) -> dict[str, Any]:
        """Submit such a job and return it once it has ended, in one request if that is soon."""
        job = await self._post(_job(seconds), {"Prefer": "wait=30"})
        return job if "result" in job else await self.ended(job["job_id"])

    async def _post(
        self, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        url = f"{self.stack.addresses.gateway}/api/jobs"
        async with self.http.post(url, json=body, headers=headers) as reply:
            reply.raise_for_status()
            found: dict[str, Any] = await reply.json()
            return found

    async def job(self, job_id: str, wait: int = 0) -> dict[str, Any]:
        """Return a job, once it has ended if that is within the seconds to wait."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        url = f"{self.stack.addresses.gateway}/api/jobs/{job_id}"
        async with self.http.get(url, headers=headers) as reply:
            reply.raise_for_status()
            found: dict[str, Any] = await reply.json()
            return found

    async def ended(self, job_id: str) -> dict[str, Any]:
        """Return a job once it has ended."""
        while (job := await self.job(job_id, wait=30))["status"] in ("pending", "running"):
            continue
        return job

    async def told(self, what: str) -> Any:
        """Ask the stub for its `ledger` or its `calls`."""
        async with self.http.get(f"{self.stub_url}/{what}") as reply:
            return await reply.json()

    def processes(self) -> dict[str, psutil.Process]:
        """Return every server process of the stack, by what it is."""
        found = {name: psutil.Process(each.pid) for name, each in self.stack.processes.items()}
        found["postgres"] = psutil.Process(self.stack.postgres.process.pid)
        found["temporal"] = psutil.Process(self.stack.temporal.process.pid)
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time each part has used so far, children included."""
        return {name: _cpu_seconds(each) for name, each in self.processes().items()}

    def memory_bytes(self, name: str) -> int:
        """Return the resident memory of a part."""
        found = self.processes()[name]
        family = [found, *found.children(recursive=True)]
        return sum(int(each.memory_info().rss) for each in family)


def _job(seconds: float) -> dict[str, Any]:
    return {
        "type": "summarize_text",
        "payload": {"text": TEXT},
        "options": {"model": f"stub-{seconds:g}"},
    }


def _cpu_seconds(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    # `children_*` is the time of children that have ended, as Postgres's backends do.
    times = [each.cpu_times() for each in family]
    return float(sum(t.user + t.system + t.children_user + t.children_system for t in times))


@asynccontextmanager
async def rig(
    folder: Path, *, webhooks: bool = True, settings: dict[str, str] | None = None
) -> AsyncIterator[Rig]:
    """Start the stub and a stack on it, and stop both in the end.

    Args:
        folder: Where the stack keeps its data.
        webhooks: Whether the stub tells of the end of responses; else they are polled.
        settings: More environment variables for gateway and worker.
    """
    port, gateway = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{url}/v1",
        "BACKBURNER_OPENAI_WEBHOOK_SECRETS": f'["{SECRET}"]',
        **(settings or {}),
    }
    told = ["--webhook", f"http://127.0.0.1:{gateway}{INCOMING_PATH}", "--secret", SECRET]
    arguments = ("-m", "benchmarks.stub", "--port", str(port), *(told if webhooks else []))
    async with AsyncExitStack() as parts:
        connector = aiohttp.TCPConnector(limit=0)
        http = await parts.enter_async_context(aiohttp.ClientSession(connector=connector))
        stub = await parts.enter_async_context(python(folder, "stub", dict(os.environ), *arguments))
        stack = await parts.enter_async_context(started(folder, environment, gateway_port=gateway))
        yield Rig(stack, stub, url, http)
