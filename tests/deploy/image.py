"""Reads the Dockerfile as Docker would, as far as our own file goes: what stands in the image."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

from tests.deploy.composition import HOUSE

STAGE = "--from="
"""Marks a COPY that takes from an earlier stage, not from the checkout."""


def packed() -> list[str]:
    """Return the files and folders that the wheel takes in, and so the image."""
    project: dict[str, Any] = tomllib.loads((HOUSE / "pyproject.toml").read_text())
    names: list[str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
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
    for name in set(packed()) & copied() & allowed():
        if (HOUSE / name).is_dir():
            shutil.copytree(
                HOUSE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(HOUSE / name, folder / name)
