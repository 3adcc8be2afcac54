"""One real stack for all pages, with the job types of the pages installed as a package."""

import os
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.postgres_cluster import throwaway_directory
from local.stack import Stack, started
from tests.docs.pages import ROOT, every

PACKAGE = "acme_jobs"
CHANNELS = "channels.toml"
DOCUMENTED = {
    "gateway": "http://127.0.0.1:8080",
    "provider": "http://127.0.0.1:8070/v1",
    "temporal": "127.0.0.1:7233",
    "temporal_ui": "http://127.0.0.1:8233",
}
SHIM = """#!/bin/sh
exec "{python}" -c 'from backburner.cli import main; main()' "$@"
"""


def install(folder: Path, *, only: str = "") -> Path:
    """Put the job types of the pages into a folder, as pip would a package that declares them."""
    package = folder / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    found = {
        Path(block.place).stem: block.text
        for block in every("python")
        if block.place.startswith("workflows/") and only in block.place
    }
    for name, text in found.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    metadata = folder / "acme_jobs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-jobs\nVersion: 1.0\n")
    entries = [f"{name} = {PACKAGE}.{name}" for name in found]
    (metadata / "entry_points.txt").write_text("\n".join(["[backburner.jobs]", *entries, ""]))
    return folder


def declared_on_the_page() -> dict[str, str]:
    """Return the entry points of the package that the guide shows."""
    projects = [
        tomllib.loads(block.text)["project"] for block in every("toml") if block.place != CHANNELS
    ]
    [points] = [
        points for each in projects if (points := each["entry-points"].get("backburner.jobs"))
    ]
    found: dict[str, str] = points
    return found


@pytest.fixture(scope="session")
async def stack(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """A stack of its own, as `make up` starts it."""
    plugins = install(tmp_path_factory.mktemp("plugins"))
    channels = tmp_path_factory.mktemp("channels") / CHANNELS
    [shown] = [each.text for each in every("toml") if each.place == CHANNELS]
    channels.write_text(shown, encoding="utf-8")
    told = {"BACKBURNER_CHANNELS_FILE": str(channels)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    folder = throwaway_directory()
    try:
        async with started(folder, kept | {"PYTHONPATH": str(plugins)} | told) as stack:
            yield stack
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def reader(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who follows a page in a second terminal."""
    shim = tmp_path / "backburner"
    shim.write_text(SHIM.format(python=sys.executable))
    shim.chmod(0o755)
    places = [str(tmp_path), sysconfig.get_path("scripts"), os.environ["PATH"]]
    return {
        **os.environ,
        "PATH": os.pathsep.join(places),
        "PYTHONPATH": str(ROOT),
        "BACKBURNER_URL": stack.addresses.gateway,
        "TEMPORAL_ADDRESS": stack.addresses.temporal,
        "TERM": "xterm",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


def moved(text: str, stack: Stack) -> str:
    """Put the addresses of this stack in the place of those on the pages."""
    for name, documented in DOCUMENTED.items():
        text = text.replace(documented, getattr(stack.addresses, name))
    return text
