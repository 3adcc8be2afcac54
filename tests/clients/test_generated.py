"""The synchronous client is generated from the asynchronous one."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "clients/python/generate_sync.py"


def test_the_synchronous_client_is_up_to_date():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), f"run {SCRIPT.name}"


def test_nothing_asynchronous_is_left_in_it():
    for path in (SCRIPT.parent / "backburner/_sync").glob("*.py"):
        code = path.read_text().partition("\n")[2]
        assert not [word for word in ("async", "await", "Async", "aclos") if word in code], path
