"""docker-compose.yml: linted, and its commands run here as processes, so that it cannot rot."""

import asyncio
import os
import subprocess
import sysconfig
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import yaml

from jobs.starting import SEARCH_ATTRIBUTES
from local.temporal import DYNAMIC_CONFIG, TemporalServer
from settings import WorkerSettings
from tests.deploy.composition import HOUSE, MissingVariable, services
from tests.deploy.here import Here, fresh_variables
from tests.installation import eventually

PROGRAMS = Path(sysconfig.get_path("scripts"))
OURS = ("gateway", "worker", "worker-cpu", "emulator")


def linted(*command: str) -> None:
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]], cwd=HOUSE, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_passes_its_linter():
    linted("compose-lint", "docker-compose.yml")


def test_the_dockerfile_passes_its_linter():
    linted("hadolint", "Dockerfile")


@pytest.mark.parametrize("script", sorted((HOUSE / "deploy").rglob("*.sh")), ids=lambda p: p.name)
def test_a_script_can_be_read_by_a_plain_shell(script: Path):
    assert subprocess.run(["/bin/sh", "-n", script]).returncode == 0


def test_nothing_starts_without_secrets_of_its_own():
    variables = fresh_variables()
    services(variables)
    for name in set(variables) - {"COMPOSE_PROFILES", "OPENAI_BASE_URL"}:
        with pytest.raises(MissingVariable, match=name):
            services({**variables, name: ""})


def test_no_two_files_have_the_same_secrets():
    one, other = fresh_variables(), fresh_variables()
    assert one["POSTGRES_PASSWORD"] != other["POSTGRES_PASSWORD"]
    assert one["BACKBURNER_API_TOKENS"] != other["BACKBURNER_API_TOKENS"]


def test_a_key_of_openai_is_taken_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    variables = fresh_variables()
    assert variables["OPENAI_API_KEY"] == "sk-mine"
    assert "OPENAI_BASE_URL" not in variables


def test_the_temporal_server_is_told_the_same_as_on_a_laptop():
    read = yaml.safe_load((HOUSE / "deploy/temporal/dynamic-config.yaml").read_text())
    told = {name: values[0]["value"] for name, values in read.items()}
    assert told == DYNAMIC_CONFIG


def test_ours_run_as_nobody_in_particular_with_nothing_to_write_to():
    found = services(fresh_variables())
    for name in OURS:
        assert found[name].body["read_only"] is True
        assert found[name].body["cap_drop"] == ["ALL"]
    assert "USER 10001" in (HOUSE / "Dockerfile").read_text()


def test_only_this_machine_reaches_the_ports():
    for service in services(fresh_variables()).values():
        for port in service.body.get("ports", []):
            assert str(port).startswith("127.0.0.1:")


async def test_the_namespace_script_prepares_an_empty_server(tmp_path: Path):
    async with TemporalServer(None, ui=False) as server:
        environment = {"TEMPORAL_ADDRESS": server.address, "HOME": str(tmp_path)}
        environment["PATH"] = f"{PROGRAMS}:{os.environ['PATH']}"
        for _ in range(2):  # doing it again changes nothing
            script = await asyncio.create_subprocess_exec(
                "/bin/sh", str(HOUSE / "deploy/temporal/namespace.sh"), env=environment
            )
            assert await script.wait() == 0
        listing = await asyncio.create_subprocess_exec(
            str(PROGRAMS / "temporal"),
            *("operator", "search-attribute", "list"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await listing.communicate()
        assert all(key.name.encode() in told for key in SEARCH_ATTRIBUTES)


@pytest.fixture
def here(tmp_path: Path, database_url: str, temporal: TemporalServer) -> Here:
    return Here(tmp_path, database_url, temporal.address)


@pytest.mark.timeout(120)
async def test_what_the_file_starts_runs_a_job(here: Here):
    async with AsyncExitStack() as running:
        for name in ("emulator", "gateway"):
            process = await running.enter_async_context(here.process(name))
            await process.wait_ready(partial(here.is_well, name))
        for name in ("worker", "worker-cpu"):
            await running.enter_async_context(here.process(name))
        async with here.client() as client:
            files = {"files": ("note.md", b"# Pilot\n\nIt cut costs by 14 percent.")}
            made = (await client.post("/api/documents", files=files)).json()["documents"]
            body = {
                "type": "summarize_documents",
                "payload": {"document_ids": [each["document_id"] for each in made]},
            }
            job_id = (await client.post("/api/jobs", json=body)).json()["job_id"]

            async def status() -> str:
                return str((await client.get(f"/api/jobs/{job_id}")).json()["status"])

            assert await eventually(status, {"succeeded", "failed"}.__contains__) == "succeeded"
            assert (await client.get("/api/jobs", headers={"Authorization": ""})).status_code == 401


def test_a_worker_gets_longer_to_stop_than_a_post_may_take():
    grace = services(fresh_variables())["worker"].body["stop_grace_period"]
    assert int(grace.removesuffix("s")) > WorkerSettings().graceful_shutdown.total_seconds()
