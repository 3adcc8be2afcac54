import json

import pytest
from typer.testing import CliRunner

from backburner.cli.app import app
from tests.clients.fake_gateway import problem


@pytest.fixture
def doctor(gateway, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    def doctor(*arguments, url=gateway.url):
        return CliRunner().invoke(app, ["--url", url, "doctor", *arguments])

    return doctor


def verdicts(done):
    return {each["subject"]: each["verdict"] for each in json.loads(done.stdout)}


def test_a_machine_with_a_healthy_gateway_lacks_nothing(doctor):
    done = doctor()
    assert done.exit_code == 0
    assert "missing" not in done.stdout
    assert "ok      Readiness: " in done.stdout


def test_a_gateway_that_is_not_ready_says_what_it_lacks(doctor, gateway):
    healthy = problem(200, "ok")
    lacking = problem(503, "service_unavailable", "Postgres does not answer")
    gateway.troubles = [lambda: healthy, lambda: lacking]
    done = doctor()
    assert done.exit_code == 1
    assert "missing Readiness: service_unavailable: Postgres does not answer" in done.stdout


def test_a_token_that_is_missing_is_found(doctor, gateway):
    gateway.token = "sesame"
    healthy = problem(200, "ok")
    gateway.troubles = [lambda: healthy, lambda: healthy]
    done = doctor("-o", "json")
    assert done.exit_code == 1
    assert verdicts(done)["Token"] == "missing"


def test_no_gateway_on_this_machine_is_only_a_note(doctor, nobody):
    found = verdicts(doctor("-o", "json", url=nobody))
    assert found["Gateway"] == "note"
    assert found["OPENAI_API_KEY"] == "note"


def test_no_gateway_elsewhere_is_a_defect_and_the_local_stack_is_not(doctor):
    done = doctor("-o", "json", url="http://gateway.invalid")
    assert done.exit_code == 1
    found = verdicts(done)
    assert found["Gateway"] == "missing"
    assert not any(subject.startswith("Port") for subject in found)
