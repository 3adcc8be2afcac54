import asyncio
import signal
import sys

import httpx2
import pytest

from local.ports import free_port
from tests.api.conftest import NO_TLS, TEXT
from tests.installation import ROOT


async def last_words(bare, **environment):
    """Run a gateway that cannot start and return what it says."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api",
        cwd=ROOT,
        env={**bare.environment, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    assert child.returncode == 1
    return said.decode()


async def test_it_serves_stops_in_order_and_ends_its_streams(bare):
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api",
        cwd=ROOT,
        env={**bare.environment, "BACKBURNER_PORT": str(port)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stderr is not None
    while b"listening" not in (line := await child.stderr.readline()):
        assert line, "the gateway ended"
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=NO_TLS) as api:
        assert (await api.get("/readyz")).status_code == 200
        job_id = (await api.post("/api/jobs", json=TEXT)).json()["job_id"]
        async with api.stream("GET", f"/api/jobs/{job_id}/events") as reply:
            lines = reply.aiter_lines()
            while "created" not in await anext(lines):
                pass
            child.send_signal(signal.SIGTERM)
            rest = [line async for line in lines]
    assert not any("end" in line for line in rest if line.startswith("event:"))
    assert await child.wait() == 0


REASONS = {
    "no Postgres": {"BACKBURNER_DATABASE_URL": "postgresql://backburner:s3cret@127.0.0.1:1/x"},
    "bad setting": {"BACKBURNER_PORT": "many"},
    "no JSON": {"BACKBURNER_OPENAI_WEBHOOK_SECRETS": "whsec_bare"},
    "bad secret": {"BACKBURNER_OPENAI_WEBHOOK_SECRETS": '["whsec_"]'},
    "open door": {"BACKBURNER_ENVIRONMENT": "production"},
    "no place to listen": {"BACKBURNER_HOST": "192.0.2.1"},
}


@pytest.mark.parametrize("environment", REASONS.values(), ids=REASONS)
async def test_what_is_missing_is_said_in_one_sentence(bare, environment):
    said = await last_words(bare, **environment)
    assert said.count("\n") == 1, said
    assert said.startswith("The ")
    assert "s3cret" not in said
