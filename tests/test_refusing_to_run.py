"""A worker or gateway that cannot run says in one sentence why."""

import logging
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import worker
from api import app
from jobs.queues import Queue
from local.ports import free_port
from tests.installation import Installation

ROOT = Path(__file__).parents[1]


@pytest.fixture
def surroundings(bare: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Have this process look like a worker's, and its log as before in the end."""
    for name, value in bare.environment.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield bare
    root.handlers[:], root.level = kept


@pytest.mark.parametrize(
    ("name", "value", "begins"),
    [
        ("OPENAI_API_KEY", "", "OPENAI_API_KEY is not set"),
        ("OPENAI_SUBMIT_TIMEOUT", "soon", "The setting 'submit_timeout' is wrong: "),
        ("BACKBURNER_LOG_FORMAT", "xml", "The setting 'log_format' is wrong: "),
        ("BACKBURNER_SECRET_KEYS", "a-key", 'error parsing value for field "secret_keys"'),
        (
            "BACKBURNER_DATABASE_URL",
            "postgresql://127.0.0.1:1/nobody-listens",
            "Postgres cannot be reached at BACKBURNER_DATABASE_URL: ",
        ),
    ],
)
async def test_what_is_wrong_is_named(
    surroundings: Installation,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    begins: str,
):
    monkeypatch.setenv(name, value)
    with pytest.raises(worker.CannotRun, match=f"^{re.escape(begins)}"):
        await worker.run(tuple(Queue))


async def test_a_database_that_does_not_exist_is_told_of(
    surroundings: Installation, monkeypatch: pytest.MonkeyPatch
):
    url = re.sub("test_[0-9a-f]+", "nowhere", surroundings.environment["BACKBURNER_DATABASE_URL"])
    monkeypatch.setenv("BACKBURNER_DATABASE_URL", url)
    with pytest.raises(worker.CannotRun, match=r"^Postgres cannot be reached .* does not exist"):
        await worker.run(tuple(Queue))


async def test_a_port_that_is_taken_is_not_blamed_on_postgres(
    surroundings: Installation, monkeypatch: pytest.MonkeyPatch
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("BACKBURNER_METRICS_PORT", str(taken.getsockname()[1]))
        with pytest.raises(worker.CannotRun, match=r"^The metrics cannot be served: "):
            await worker.run(tuple(Queue))


async def test_the_process_ends_with_one_line_and_status_1(bare: Installation):
    done = await anyio.run_process(
        [sys.executable, str(ROOT / "worker.py")],
        env=bare.environment | {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"},
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert "CRITICAL backburner.worker Temporal cannot be reached at TEMPORAL_ADDRESS: " in line


def test_a_gateway_names_what_is_wrong_with_its_log(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BACKBURNER_LOG_FORMAT", "xml")
    with pytest.raises(SystemExit, match=r"^The setting 'log_format' is wrong: "):
        app.main()
