"""Bytes as rows: what is a table, and what is said about the rest."""

import json

import pytest

from activities.extraction.errors import Refusal
from activities.extraction.tables import MOST_COLUMNS
from activities.rows import checked
from activities.tables import DEEPEST, NoTable, rows_of
from jobs.errors import DocumentTooLarge

ANN = {"name": "Ann", "city": "Rome"}


def rows(content: str | bytes, name: str = "leads.csv"):
    return list(rows_of(content if isinstance(content, bytes) else content.encode(), name))


@pytest.mark.parametrize(
    "content",
    [
        "name,city\nAnn,Rome\n",
        "name;city\r\nAnn;Rome",
        "name\tcity\nAnn\tRome\n\n  \n",
        "name|city\nAnn|Rome\n",
        'name,city\n"Ann","Rome"\n',
        "sep=;\nname;city\nAnn;Rome\n",
        "sep=\t\nname\tcity\nAnn\tRome\n",
        "\ufeffname,city\nAnn,Rome\n".encode(),
        "name,city\nAnn,Rome\n".encode("utf-16"),
        '[{"name": "Ann", "city": "Rome"}]',
        '{"leads": [{"name": "Ann", "city": "Rome"}], "count": 1}',
        '{"name": "Ann", "city": "Rome"}\n{"name": "Ann", "city": "Rome"}',
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "bar",
        "quoted",
        "excel",
        "excel-tab",
        "utf8-mark",
        "utf16",
        "list",
        "wrapped",
        "lines",
    ],
)
def test_a_table_is_read_whatever_its_dialect(content):
    found = rows(content)
    assert found
    assert all(row == ANN for row in found)


def test_cells_keep_their_commas_line_ends_and_umlauts():
    assert rows('name,note\nÄnn,"a, b\nc"\n') == [{"name": "Änn", "note": "a, b\nc"}]
    assert rows("name,note\nÄnn,x\n".encode("cp1252")) == [{"name": "Änn", "note": "x"}]


def test_columns_without_a_name_and_with_the_same_name_are_told_apart():
    assert rows("name,,name\nAnn,1,2\n") == [{"name": "Ann", "column 2": "1", "name (2)": "2"}]


def test_a_short_line_has_empty_cells_and_a_trailing_delimiter_is_no_column():
    assert rows("name,city\nAnn\nAnn,Rome,\n") == [{"name": "Ann", "city": ""}, ANN]


def test_numbers_stay_as_they_are_written():
    found = rows('[{"a": 1284.50, "b": 12345678901234567890, "c": 7, "d": 0.5, "e": 1e3}]')
    assert found == [{"a": "1284.50", "b": "12345678901234567890", "c": 7, "d": 0.5, "e": "1e3"}]


def test_what_cannot_be_stored_is_dropped_from_cells():
    assert rows(r'[{"a\u0000": "x\u0000y", "b": ["\ud800"]}]') == [{"a": "xy", "b": ["?"]}]


def test_one_column_is_a_table_only_by_name():
    assert rows("mail\nann@example.com\n") == [{"mail": "ann@example.com"}]
    with pytest.raises(NoTable, match="has no columns"):
        rows("The board met.\nIt agreed.\n", "minutes.txt")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name,city\nAnn,Rome,Italy\n", "more cells than columns in line 2: 3 cells and 2 columns"),
        ('name,city\nAnn,"Ro"me\n', "is not valid CSV in line 2"),
        ("name,city\n", "has no row"),
        ("", "has no row"),
        ("[]", "has no row"),
        ('[{"a": 1}, 2]', "something else than an object with members in item 2"),
        ('[{"a": 1}, {}]', "something else than an object with members in item 2"),
        ('{"a": 1}\n[2]', "something else than an object with members in line 2"),
        ('{"a": 1}\n{"a": ', "is not valid JSON in line 2"),
        ('{"a": 1}', "is one JSON object, not a list of them"),
        ('[{"a": 1},', "is not valid JSON"),
        ('[{"a": NaN}]', "NaN is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([{"a": 0}]).replace("0", "[" * 600 + "]" * 600), "nested deeper than 64"),
        (b"PK\x03\x04" + bytes(30), "save the sheet as CSV"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_table_is_refused_with_the_place(content, reason):
    with pytest.raises(NoTable, match=reason):
        rows(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bytes(9), "document_broken"),
        (b"\xff\xfea", "document_broken"),
        (b"\x01\x8f", "document_unsupported"),
    ],
    ids=["zeros", "cut-utf16", "binary"],
)
def test_an_encoding_that_nobody_can_tell_is_refused(content, code):
    with pytest.raises(Refusal) as caught:
        rows(content)
    assert caught.value.code == code


def test_a_cell_may_nest_as_deep_as_a_requests_body():
    deepest = "[" * DEEPEST + "0" + "]" * DEEPEST
    assert rows(f'[{{"a": {deepest}}}]') == [{"a": json.loads(deepest)}]
    with pytest.raises(NoTable, match=f"nested deeper than {DEEPEST} levels"):
        rows(f'[{{"a": [{deepest}]}}]')


def test_a_heading_of_one_name_over_and_over_is_told_apart_at_once():
    heading = ",".join(["name"] * MOST_COLUMNS)
    [row] = rows(f"{heading}\nAnn\n")
    assert [*row][::1999] == ["name", f"name ({MOST_COLUMNS})"]
    with pytest.raises(Refusal, match="document_too_large"):
        rows(f"{heading},name\nAnn\n")


def test_rows_are_read_only_as_far_as_they_are_asked_for():
    table = rows_of(b"a,b\n1,2\n1,2,3\n", "t.csv")
    assert next(table) == {"a": "1", "b": "2"}
    with pytest.raises(NoTable, match="more cells than columns in line 3"):
        next(table)


def test_short_lines_under_a_wide_heading_do_not_fill_the_memory():
    wide = ",".join(f"a column with a long name {number}" for number in range(500))
    table = f"{wide}\n" + "1\n" * 200 + ",".join("1" * 501)  # the last line is no row
    with pytest.raises(DocumentTooLarge, match="more than 2,000,000 characters"):
        checked(table.encode(), "t.csv", ())
