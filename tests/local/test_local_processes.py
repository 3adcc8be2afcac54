import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from local.ports import free_port
from local.processes import NotReadyInTime, Process, ProcessExited
from local.servers import DirectoryInUse, DirectoryLock, find_processes, gone

HOUSE = Path(__file__).resolve().parents[2]
SLEEP = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


def python(code, log_file):
    return Process([sys.executable, "-c", code], log_file=log_file)


def says_ready(process):
    async def probe():
        return "ready" in process.log_tail()

    return probe


async def never():
    return False


async def test_a_process_is_ready_when_its_probe_says_so(tmp_path):
    async with python(SLEEP, tmp_path / "a log" / "of it.log") as process:
        await process.wait_ready(says_ready(process))
        assert process.running
        assert os.getpgid(process.pid) == process.pid
    assert process.exit_code == -signal.SIGTERM


async def test_a_process_that_ends_early_is_reported_with_its_last_words(tmp_path):
    async with python("raise SystemExit('no money left')", tmp_path / "log") as process:
        with pytest.raises(ProcessExited, match=r"exit code 1(.|\n)*no money left"):
            await process.wait_ready(never)


async def test_a_process_that_never_answers_is_reported(tmp_path):
    async with python(SLEEP, tmp_path / "log") as process:
        with pytest.raises(NotReadyInTime):
            await process.wait_ready(never, within=timedelta(seconds=0.05))


async def test_a_process_that_ignores_the_stop_signal_is_killed_after_the_grace(tmp_path):
    async with python(STUBBORN, tmp_path / "log") as process:
        await process.wait_ready(says_ready(process))
        await process.terminate(timedelta(seconds=0.05))
        assert process.exit_code == -signal.SIGKILL
        assert not process.running


PARENT = """
import asyncio, sys
from pathlib import Path
from local.processes import Process

async def main():
    async with Process([sys.executable, "-c", sys.argv[2]], log_file=Path(sys.argv[1])) as child:
        await child.wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
async def test_a_process_vanishes_when_its_parent_is_killed(tmp_path):
    log, code = tmp_path / "child.log", SLEEP + f"  # {tmp_path}"

    def children():
        return find_processes(lambda command: command[-1] == code and PARENT not in command)

    command = [sys.executable, "-c", PARENT, log, code]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HOUSE), *sys.path))}
    async with Process(command, log_file=tmp_path / "log", environment=environment) as parent:

        async def child_is_up():
            return log.exists() and "ready" in log.read_text()

        await parent.wait_ready(child_is_up)
        assert len(children()) == 1
        os.kill(parent.pid, signal.SIGKILL)
        await parent.wait()
        assert await gone(children, seconds=5)


def test_a_directory_has_one_master(tmp_path):
    first, second = DirectoryLock(tmp_path / "lock"), DirectoryLock(tmp_path / "lock")
    first.acquire()
    first.acquire()
    with pytest.raises(DirectoryInUse, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_free_port_can_be_bound_and_is_no_clients_source_port():
    port = free_port()
    assert port < 32_768
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
