"""The client as others install it: its wheel in an environment that holds nothing of ours."""

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.clients.real_gateway import running_gateway

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "clients/python"
SERVER = sorted(
    {path.stem for path in ROOT.glob("*.py")}
    | {path.parent.name for path in ROOT.glob("*/__init__.py")}
    | {"api", "jobs", "workflows", "tests", "docs"}
)

ISOLATED = f"""
from importlib.util import find_spec
from backburner import *
import backburner, sys

assert backburner.__file__.startswith(sys.prefix), backburner.__file__
found = [name for name in {SERVER} if find_spec(name)]
assert not found, found
"""

SYNC = (
    ISOLATED
    + """
with Backburner(sys.argv[1]) as client:
    [document] = client.upload_documents([__import__("pathlib").Path(sys.argv[2])])
    job = client.submit("summarize_text", {"text": "The pilot ran for six weeks."})
    assert [event.type for event in job.events()][-1] == "succeeded"
    assert job.wait().cost.responses == 1
    print(document.name, job.status, job.result()["summary"])
"""
)

ASYNC = (
    ISOLATED
    + """
import asyncio

async def main():
    async with AsyncBackburner(sys.argv[1]) as client:
        [document] = await client.upload_documents([__import__("pathlib").Path(sys.argv[2])])
        job = await client.submit("summarize_text", {"text": "The pilot ran for six weeks."})
        assert [event.type async for event in job.events()][-1] == "succeeded"
        assert (await job.wait()).cost.responses == 1
        print(document.name, job.status, (await job.result())["summary"])

asyncio.run(main())
"""
)


def run(*command: object) -> str:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", folder], cwd=PROJECT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def needed(texts: list[str]) -> dict[str, Distribution]:
    """Return the installed distributions that requirements lead to."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in texts]
    while waiting:
        requirement = waiting.pop()
        one = distribution(requirement.name)
        if found.setdefault(requirement.name, one) is not one:
            continue
        for more in map(Requirement, one.requires or ()):
            extras = requirement.extras or {""}
            if not more.marker or any(more.marker.evaluate({"extra": each}) for each in extras):
                waiting.append(more)
    return found


def top_level(found: Distribution) -> Iterator[Path]:
    """Yield the files and folders of a distribution that lie directly in site-packages."""
    names = {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "/")}
    yield from (Path(str(found.locate_file(name))) for name in names - {"__pycache__"})


def environment(folder: Path, wheel: Path, *extras: str) -> Path:
    """Install the wheel and what it needs, and return the environment's Python.

    What it needs is linked from our own environment, package by package: the network is not
    needed, and nothing else of that environment can be imported.
    """
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    texts = project["dependencies"]
    texts += [text for each in extras for text in project["optional-dependencies"][each]]
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin/python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    [site] = folder.glob("lib/*/site-packages")
    for place in {path for each in needed(texts).values() for path in top_level(each)}:
        (site / place.name).symlink_to(place)
    return python


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    return environment(tmp_path_factory.mktemp("bare"), wheel)


def test_the_wheel_holds_one_package_that_says_it_is_typed(wheel: Path):
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {
        "backburner",
        "backburner_client",
    }
    assert "backburner/py.typed" in names


@pytest.mark.parametrize("script", [SYNC, ASYNC], ids=["sync", "async"])
async def test_a_job_runs_from_an_environment_without_the_server(house, python, tmp_path, script):
    document = tmp_path / "pilot.txt"
    document.write_text("The pilot ran for six weeks.")
    async with running_gateway(house) as client:
        out = await asyncio.to_thread(run, python, "-I", "-c", script, client.base_url, document)
    assert out.startswith("pilot.txt succeeded ")


def test_without_its_extra_the_command_says_how_to_get_it(python: Path):
    done = subprocess.run([python.parent / "backburner", "list"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'backburner-client[cli]'" in done.stderr


def test_the_command_works_alone_and_offers_nothing_of_the_server(gateway, wheel, tmp_path):
    command = environment(tmp_path / "cli", wheel, "cli").parent / "backburner"
    job_id = run(command, "--url", gateway.url, "submit", "echo", '{"text": "hi"}', "-q").strip()
    assert job_id in gateway.jobs
    shown = run(command, "--help")
    assert "approvals" in shown
    assert not [word for word in ("demo", "webhooks") if f" {word} " in shown]
