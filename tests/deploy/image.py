"""Reads the Dockerfile as Docker would, as far as our own file goes: what stands in the image."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

from tests.deploy.composition import HOUSE

STAGE = "--from="
"""Marks a COPY that takes from an earlier stage, not from the checkout."""


CLIENT = "clients/python"
"""The folder of the other distribution that the image installs."""


def packed() -> list[str]:
    """Return the files and folders that the server's wheel takes in, and so the image."""
    return _taken_in("pyproject.toml", "only-include")


def client_packages() -> list[str]:
    """Return the packages that the client's wheel takes in, and so the image."""
    return _taken_in(f"{CLIENT}/pyproject.toml", "packages")


def _taken_in(project: str, key: str) -> list[str]:
    read: dict[str, Any] = tomllib.loads((HOUSE / project).read_text())
    names: list[str] = read["tool"]["hatch"]["build"]["targets"]["wheel"][key]
    return names


def copied() -> set[str]:
    """Return what the Dockerfile takes out of the checkout."""
    lines = (HOUSE / "Dockerfile").read_text().splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    return {name for names in copies if not names[0].startswith(STAGE) for name in names}


def allowed() -> set[str]:
    """Return what .dockerignore lets Docker see; its first line shuts everything out."""
    first, *others = (HOUSE / ".dockerignore").read_text().splitlines()
    assert first == "*"
    return {line.removeprefix("!") for line in others if line.startswith("!")}


def unpack(folder: Path) -> None:
    """Put what the image holds of ours into a folder."""
    reached = copied() & allowed()
    sources = {name: HOUSE / name for name in packed() if name in reached}
    if CLIENT in reached:
        sources |= {name: HOUSE / CLIENT / name for name in client_packages()}
    for name, source in sources.items():
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
