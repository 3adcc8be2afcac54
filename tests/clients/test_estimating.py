import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from backburner.cli.app import app


@pytest.fixture
def run(gateway, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("BACKBURNER_URL", gateway.url)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


async def test_an_estimate_comes_typed(client):
    found = await client.estimate("pipeline", {"tree": {}})
    assert (found.typical_seconds, found.usd.low, found.usd.high) == (90, Decimal("0.01"), None)
    assert found.unknown[0].pointer == "/payload/tree"


def test_the_command_prints_what_is_known_and_what_is_not(run):
    done = run("estimate", "pipeline", "{}", "--output", "table")
    assert done.exit_code == 0
    assert "about 1 min, seldom over 3 min" in done.stdout
    assert "unknown" in done.stdout
    assert "$0.0100" in done.stdout
    assert "/payload/tree: nobody knows" in done.stderr


def test_the_command_prints_json_or_the_picture(run):
    assert json.loads(run("estimate", "pipeline").stdout)["jobs"] == 3
    assert run("estimate", "pipeline", "{}", "--picture").stdout == "flowchart TD\n"
