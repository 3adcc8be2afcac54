"""Which checks of `backburner doctor` matter here: a remote gateway needs no local stack."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2

from backburner.cli import checks
from backburner.cli.checks import Finding
from backburner.cli.session import Address
from backburner.client import DEFAULT_URL, AsyncBackburner
from backburner.errors import ApiError, BackburnerError

_DATA = ".backburner"
_TEMPORAL_PORTS = {7233: "Temporal", 8233: "Temporal UI"}


def examine(address: Address) -> list[Finding]:
    """Run all checks."""
    local = httpx2.URL(address.url).host in ("127.0.0.1", "localhost", "::1")
    up, gateway = asyncio.run(_gateway(address, local=local))
    # What only `backburner up` needs is no defect where it runs already, or runs elsewhere.
    needed = local and not up
    findings = [checks.python_version(), *gateway]
    findings += [checks.postgres(os.environ, needed=needed)]
    findings += [checks.temporal(os.environ, needed=needed)]
    findings += [checks.provider_key(os.environ)]
    if os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"):
        findings += [checks.provider(os.environ)]
    data = Path.cwd() / _DATA
    findings += [checks.disk(data, needed=needed), checks.writable(data, needed=needed)]
    return findings + (list(_ports(address, up=up)) if local else [])


def _ports(address: Address, *, up: bool) -> Iterator[Finding]:
    gateway = httpx2.URL(address.url).port or httpx2.URL(DEFAULT_URL).port
    if gateway:
        yield checks.port(gateway, "the gateway", ours=up)
    for number, purpose in _TEMPORAL_PORTS.items():
        yield checks.port(number, purpose, ours=up)


async def _gateway(address: Address, *, local: bool) -> tuple[bool, list[Finding]]:
    """Tell whether a gateway is there, and how it is."""
    async with address.client() as client:
        try:
            await client.ping()
        except BackburnerError as error:
            mend = "start one with `backburner up` or set BACKBURNER_URL"
            return False, [checks.lacking("Gateway", str(error), mend, needed=not local)]
        alive = checks.ok("Gateway", f"{client.base_url} answers")
        return True, [alive, await _readiness(client), await _token(client)]


async def _readiness(client: AsyncBackburner) -> Finding:
    try:
        await client.check_ready()
    except BackburnerError as error:
        advice = "start what does not answer; the gateway's log says why it does not"
        return checks.lacking("Readiness", str(error), advice)
    return checks.ok("Readiness", "Postgres, Temporal and the object store answer")


async def _token(client: AsyncBackburner) -> Finding:
    try:
        await client.job_types()
    except BackburnerError as error:
        advice = error.advice if isinstance(error, ApiError) else ""
        return checks.lacking("Token", str(error), advice or "set BACKBURNER_TOKEN")
    return checks.ok("Token", "accepted, or not needed")
