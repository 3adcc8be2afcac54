"""What only a process of its own can show: signals, and becoming another program."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
# Tests that run in a script's background inherit that Ctrl-C is ignored.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
COMMAND = [sys.executable, "-c", f"{HEED}; from backburner.cli import main; main()"]


def start(*arguments, **more):
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    pipe = subprocess.PIPE
    command = [*COMMAND, *arguments]
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, **more)


def test_ctrl_c_detaches_from_a_job_and_says_how_to_end_it(gateway):
    job_id = gateway.add_job()
    process = start("--url", gateway.url, "watch", job_id)
    while not gateway.seen("GET", f"/api/jobs/{job_id}/events"):
        time.sleep(0.02)  # the state lives in another process
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert f"backburner cancel {job_id}" in err
    assert "Traceback" not in err
    assert not gateway.seen("POST", f"/api/jobs/{job_id}/cancel")


@pytest.mark.parametrize("verb", ["up", "demo"])
def test_the_local_stack_takes_over_the_process_with_its_options(tmp_path, verb):
    package = tmp_path / "local"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import os, sys; print(os.getpid(), *sys.argv[1:])")
    process = start(verb, "--help", "--port", "1", "x", cwd=tmp_path)
    out, _ = process.communicate(timeout=20)
    assert out.split() == [str(process.pid), verb, "--help", "--port", "1", "x"]
