"""A true Prometheus scrapes a true gateway and a true worker: every panel shows something."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import yaml

from local.ports import free_port
from local.processes import Process
from tests.deploy.test_monitoring import DASHBOARD, RULES
from tests.deploy.test_shown_metrics import busy
from tests.installation import Installation, eventually

pytestmark = [
    pytest.mark.prove,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="prometheus is missing (Debian: apt install prometheus): panels are NOT checked",
    ),
]


def expressions() -> dict[str, str]:
    """Return what the panels ask, by title."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "1m")
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
    }


@asynccontextmanager
async def prometheus(folder: Path, pages: dict[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """Scrape some pages of metrics every second, with our rules; yield a client."""
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": name,
                "metrics_path": httpx2.URL(url).path,
                "static_configs": [{"targets": [httpx2.URL(url).netloc.decode()]}],
            }
            for name, url in pages.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    process = Process(
        [
            str(shutil.which("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log_file=folder / "prometheus.log",
        working_directory=folder,
    )
    async with process, httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def is_ready() -> bool:
            try:
                return (await client.get("/-/ready")).status_code == 200
            except httpx2.TransportError:
                return False

        await process.wait_ready(is_ready)
        yield client


async def test_every_panel_shows_something_and_every_rule_is_well(
    bare: Installation, tmp_path: Path
):
    async with busy(bare, tmp_path) as pages, prometheus(tmp_path, pages) as client:

        async def empty() -> list[str]:
            asked = {
                title: (await client.get("/api/v1/query", params={"query": expression})).json()
                for title, expression in expressions().items()
            }
            assert {each["status"] for each in asked.values()} == {"success"}
            return [title for title, each in asked.items() if not each["data"]["result"]]

        assert await eventually(empty, lambda titles: not titles) == []
        [group] = (await client.get("/api/v1/rules")).json()["data"]["groups"]
        assert {rule["health"] for rule in group["rules"]} == {"ok"}
        # The endpoint that was gone is told of at once; nothing here is wrong with anything else.
        firing = {rule["name"] for rule in group["rules"] if rule["state"] == "firing"}
        assert firing <= {"EndpointDisabled"}
        print(
            f"{len(expressions())} queries of the dashboard answered, {len(group['rules'])} rules"
        )
