import json
import socket

import pytest
from typer.testing import CliRunner

from backburner.cli import app, checks
from backburner.cli.checks import Verdict
from tests.backburner.fake_gateway import problem


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


def test_programs_that_are_not_where_the_variable_says_are_missing(tmp_path):
    finding = checks.postgres({"BACKBURNER_POSTGRES_BIN": str(tmp_path)}, needed=True)
    assert finding.verdict is Verdict.MISSING
    assert str(tmp_path) in finding.detail


def test_what_is_not_needed_is_only_a_note(tmp_path):
    finding = checks.postgres({"BACKBURNER_POSTGRES_BIN": str(tmp_path)}, needed=False)
    assert finding.verdict is Verdict.NOTE


def test_a_port_is_free_ours_or_taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert checks.port(number, "tests", ours=True).verdict is Verdict.OK
        assert checks.port(number, "tests", ours=False).verdict is Verdict.MISSING
    assert "free" in checks.port(number, "tests", ours=False).detail


def test_a_provider_is_only_connected_to(gateway):
    assert checks.provider({"OPENAI_BASE_URL": f"{gateway.url}/v1"}).verdict is Verdict.OK
    assert gateway.requests == []


def test_a_provider_that_does_not_listen_is_missing(nobody):
    assert checks.provider({"OPENAI_BASE_URL": nobody}).verdict is Verdict.MISSING


def test_a_folder_below_a_file_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    finding = checks.writable(tmp_path / "file" / "data", needed=True)
    assert finding.verdict is Verdict.MISSING
