"""The commands that the server's installation adds to `backburner`."""

import subprocess
import sys

import pytest

# -P keeps the current folder out of the path of the command, but not of the program it runs.
COMMAND = [sys.executable, "-P", "-c", "from backburner.cli import main; main()"]


@pytest.mark.parametrize("verb", ["up", "demo"])
def test_the_local_stack_takes_over_the_process_with_its_options(tmp_path, verb):
    package = tmp_path / "local"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import os, sys; print(os.getpid(), *sys.argv[1:])")
    command = [*COMMAND, verb, "--help", "--port", "1", "x"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=20)
    assert out.split() == [str(process.pid), verb, "--help", "--port", "1", "x"]
