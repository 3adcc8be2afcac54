"""A test that hangs fails, says where, and harms none of the others."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

HANGING = """
import anyio, pytest

@pytest.fixture
async def server():
    yield
    print("the server was stopped")

@pytest.mark.timeout(10.2)
async def test_that_hangs(server):
    await anyio.Event().wait()

async def test_after_it():
    pass
"""


def test_a_test_that_hangs_is_ended_with_its_fixtures_and_the_next_one_runs(
    pytester: pytest.Pytester,
):
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nanyio_mode = "auto"\ntimeout = 60\n')
    pytester.makeconftest((Path(__file__).parent / "time_limits.py").read_text())
    pytester.makepyfile(HANGING)
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcome.assert_outcomes(failed=1, passed=1)
    outcome.stdout.fnmatch_lines(["*await anyio.Event().wait()", "*the server was stopped"])
