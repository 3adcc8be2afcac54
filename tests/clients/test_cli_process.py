"""What only a process of its own can show: signals."""

import signal
import subprocess
import sys
import time

# Tests that run in a script's background inherit that Ctrl-C is ignored.
LET_SIGINT_INTERRUPT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
COMMAND = [sys.executable, "-c", f"{LET_SIGINT_INTERRUPT}; from backburner.cli import main; main()"]


def start(*arguments):
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True)


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
