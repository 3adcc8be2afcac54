"""Tables stay readable in narrow terminals, and in pipes, which count as 80 columns."""

import pytest

from backburner.cli.output import WIDEST_COLUMN, print_pairs, print_rows

ID = "7b0f4f2e-7d52-4b51-9b43-0c6f1f6f5a10"
URL = f"http://127.0.0.1:8233/namespaces/default/workflows/{ID}"


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_each_row_is_one_line(capsys):
    row = (ID, "job.succeeded", "delivered", "2026-11-22 10:00:00", "http://127.0.0.1:9000/hook")
    print_rows(("callback", "event", "status", "created", "to"), [row, row])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(each in lines[1] for each in row)


def test_only_long_cells_are_folded(capsys):
    print_rows(("id", "words"), [(ID, "word " * 30)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= len(ID) + 2 + WIDEST_COLUMN


def test_a_table_without_rows_has_its_heading(capsys):
    print_rows(("id", "words"), [])
    assert capsys.readouterr().out.split() == ["id", "words"]


def test_a_url_stays_in_one_piece_and_prose_is_folded(capsys):
    print_pairs({"job": ID, "error": "so many words " * 20, "Temporal UI": URL, "nothing": ""})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"job          {ID}"
    assert lines[-1] == f"Temporal UI  {URL}"
    assert len(lines) > 4
    assert lines[1].startswith("error        so many")
    assert all(line.startswith(" " * 13) for line in lines[2:-1])
