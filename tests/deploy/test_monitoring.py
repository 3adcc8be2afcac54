"""Dashboards and alerts name only what is really counted."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from jobs.errors import BY_CODE
from tests.deploy.composition import HOUSE, services
from tests.deploy.here import fresh_variables

DASHBOARD = HOUSE / "deploy/grafana/dashboards/backburner.json"
RULES = HOUSE / "deploy/prometheus/rules.yml"
SOURCES = ("telemetry/instruments.py", "activities/census.py", "activities/watcher.py")
SUFFIXES = {
    "create_counter": ("_total",),
    "create_histogram": ("_bucket", "_sum", "_count"),
    "create_observable_counter": ("_total",),
    "create_observable_gauge": ("",),
}


def shown(source: Path) -> Iterator[str]:
    """Tell the names that Prometheus gives to the instruments of a file."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            suffixes = SUFFIXES.get(node.func.attr, ())
            for suffix in suffixes:
                yield ast.literal_eval(node.args[0]) + suffix


@pytest.mark.parametrize("file", [DASHBOARD, RULES], ids=lambda path: path.name)
def test_every_metric_that_is_looked_at_exists(file: Path):
    exist = {name for source in SOURCES for name in shown(HOUSE / source)}
    wanted = set(re.findall(r"backburner_\w+", file.read_text()))
    assert wanted
    assert wanted <= exist


def test_every_metric_is_explained():
    exist = {name for source in SOURCES for name in shown(HOUSE / source)}
    said = (HOUSE / "docs/metrics.md").read_text()
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exist}
    assert {name for name in plain if f"`{name}`" not in said} == set()


def test_the_codes_that_alerts_name_exist():
    codes = re.findall(r'submits_total\{outcome="(provider_\w+)"', RULES.read_text())
    assert codes
    assert set(codes) <= BY_CODE.keys()


def test_every_panel_asks_something_of_the_provisioned_source():
    source = yaml.safe_load((HOUSE / "deploy/grafana/datasources/prometheus.yml").read_text())
    uid = source["datasources"][0]["uid"]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    targets = [target for panel in panels for target in panel["targets"]]
    assert len(targets) >= len(panels) > 0
    assert {target["datasource"]["uid"] for target in targets} == {uid}


def test_prometheus_accepts_its_files():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is missing (Debian: apt install prometheus): rules are NOT checked")
    command = [promtool, "check", "config", str(HOUSE / "deploy/prometheus/prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_looks_for_services_and_ports_that_the_guide_names():
    read = yaml.safe_load((HOUSE / "deploy/prometheus/prometheus.yml").read_text())
    guide = (HOUSE / "docs/howto/compose.md").read_text()
    known = services(fresh_variables())
    for job in read["scrape_configs"]:
        [found] = job["dns_sd_configs"]
        assert set(found["names"]) <= known.keys()
        assert f"={found['port']}" in guide or found["port"] == 8080
