"""Checks that `backburner doctor` makes for the local stack."""

import socket

from backburner.cli.doctor import Verdict
from local import doctor


def test_programs_that_are_not_where_the_variable_says_are_missing(tmp_path):
    finding = doctor.postgres({"BACKBURNER_POSTGRES_BIN": str(tmp_path)}, needed=True)
    assert finding.verdict is Verdict.MISSING
    assert str(tmp_path) in finding.detail


def test_what_is_not_needed_is_only_a_note(tmp_path):
    finding = doctor.postgres({"BACKBURNER_POSTGRES_BIN": str(tmp_path)}, needed=False)
    assert finding.verdict is Verdict.NOTE


def test_a_port_is_free_ours_or_taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert doctor.port(number, "tests", is_ours=True).verdict is Verdict.OK
        assert doctor.port(number, "tests", is_ours=False).verdict is Verdict.MISSING
    assert "free" in doctor.port(number, "tests", is_ours=False).detail


def test_a_provider_is_only_connected_to():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        assert doctor.provider({"OPENAI_BASE_URL": url}).verdict is Verdict.OK
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b""


def test_a_provider_that_does_not_listen_is_missing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert doctor.provider({"OPENAI_BASE_URL": url}).verdict is Verdict.MISSING


def test_a_folder_below_a_file_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    finding = doctor.writable(tmp_path / "file" / "data", needed=True)
    assert finding.verdict is Verdict.MISSING
