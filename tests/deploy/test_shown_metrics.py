"""What the dashboard looks at is there, at the `/metrics` of a true gateway and a true worker."""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from jobs.errors import WebhookRefused
from jobs.values import JobId
from local.ports import free_port
from tests.callbacks.receiver import Answer, receiving
from tests.deploy.test_monitoring import DASHBOARD, RULES
from tests.installation import Installation, eventually
from tests.telemetry.hooked import install
from tests.telemetry.test_one_trace import gateway_process

TEXT = "The pilot ran for six weeks."
REFUSED_ONCE = {"fault": "rate_limited", "retry_after_seconds": 0, "run_seconds": 1.5}
STUCK = {"outcome": "stuck"}
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


def looked_at() -> set[str]:
    return set(re.findall(r"backburner_\w+", DASHBOARD.read_text() + RULES.read_text()))


async def shown(*urls: str) -> set[str]:
    """Return the names of all samples on some pages of metrics."""
    found: set[str] = set()
    async with httpx2.AsyncClient() as client:
        for url in urls:
            page = (await client.get(url)).text
            found |= set(re.findall(r"^(backburner_\w+)", page, re.MULTILINE))
    return found


async def submitted(client: httpx2.AsyncClient, script: dict[str, Any]) -> JobId:
    payload = {"text": f"{TEXT} [[emulator: {json.dumps(script)}]]"}
    made = await client.post("/api/jobs", json={"type": "summarize_text", "payload": payload})
    return JobId(UUID(made.json()["job_id"]))


@asynccontextmanager
async def busy(house: Installation, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Let a gateway and a worker meet everything that is counted; yield their pages of metrics."""
    hook = "async def audit(moment): ..."
    house.environment["PYTHONPATH"] += f":{install(folder / 'p', hook, 'a = acme_hooks:audit')}"
    port = free_port()
    house.environment["BACKBURNER_METRICS_PORT"] = str(port)
    house.environment["BACKBURNER_OPENAI_WEBHOOK_SECRETS"] = json.dumps([SECRET])
    async with receiving() as receiver, gateway_process(house) as client, house.worker_process():
        receiver.usually = Answer(410)
        await client.post("/api/endpoints", json={"url": receiver.url})
        first, _ = [await submitted(client, script) for script in (REFUSED_ONCE, STUCK)]
        refused = await client.post("/api/openai/webhook", json={})
        assert refused.json()["code"] == WebhookRefused.code
        await house.ended(first)
        await receiver.got()
        pages = {
            "gateway": f"{client.base_url}/metrics",
            "worker": f"http://127.0.0.1:{port}/metrics",
        }
        # The stuck job is open still when maintenance counts for the first time; queue times are
        # those of jobs that started after that.
        await eventually(
            partial(shown, *pages.values()), lambda seen: "backburner_jobs_open" in seen
        )
        await submitted(client, STUCK)
        yield pages


@pytest.mark.timeout(120)
async def test_every_metric_that_is_looked_at_is_served(bare: Installation, tmp_path: Path):
    async with busy(bare, tmp_path) as pages:

        async def missing() -> set[str]:
            return looked_at() - await shown(*pages.values())

        assert await eventually(missing, lambda absent: not absent) == set()
