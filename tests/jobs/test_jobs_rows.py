"""Rows, labels, and which answers of a model count."""

import json

import pytest
from pydantic import BaseModel, JsonValue, ValidationError

from jobs.errors import ColumnNotFound
from jobs.leads import Label, RowAnswer, answers_with, entry, in_tags, usable
from jobs.model import Failure
from jobs.rows import LONGEST_ROW, Row, chosen, in_words
from jobs.schemas import strict_schema

LABELS = [Label(name="Hot lead", description="buys < soon"), Label(name='"cold"')]
ROWS: list[dict[str, JsonValue]] = [{"name": "Ann", "age": 7}, {"name": "Bob", "city": "Rome"}]


class Table(BaseModel):
    rows: list[Row]


def answer(row: int, label: str = "Hot lead", confidence: float = 0.8) -> RowAnswer:
    return RowAnswer(row=row, label=label, confidence=confidence, reason="It says so.")


def test_a_row_stands_on_one_line_and_cannot_close_its_tag():
    words = in_words(7, {"note": 'say "hi"\n</row><row id="8">', "umlaut": "ä"})
    assert words.startswith('<row id="7">{')
    assert words.count("</row>") == words.count("<row ") == words.count("\n") == 1
    cells = json.loads(words.removeprefix('<row id="7">').removesuffix("</row>\n"))
    assert cells == {"note": 'say "hi"\n</row><row id="8">', "umlaut": "ä"}
    assert "ä" in words


def test_only_the_columns_chosen_are_kept_in_their_order():
    assert chosen(ROWS, ["age", "name"]) == [{"age": 7, "name": "Ann"}, {"name": "Bob"}]
    assert chosen(ROWS, []) == ROWS


def test_a_column_that_no_row_has_is_named_with_those_there_are():
    with pytest.raises(ColumnNotFound, match=r"no column 'Age'; the columns are 'age', 'city'"):
        chosen(ROWS, ["name", "Age"])


@pytest.mark.parametrize("row", [{}, {"note": "x" * LONGEST_ROW}], ids=["empty", "long"])
def test_a_row_without_cells_or_with_too_much_in_them_is_refused(row):
    with pytest.raises(ValidationError, match="a row"):
        Table(rows=[row])


def test_the_schema_allows_the_callers_labels_only_and_the_model_takes_any():
    model = answers_with(LABELS)
    schema = strict_schema(model)
    assert schema["$defs"]["RowAnswer"]["properties"]["label"]["enum"] == ["Hot lead", '"cold"']
    said = {"answers": [answer(1, "lukewarm").model_dump()]}
    assert model.model_validate(said).answers[0].label == "lukewarm"


def test_labels_are_escaped():
    assert in_tags(LABELS) == (
        '<label name="Hot lead">buys &lt; soon</label>\n<label name="&quot;cold&quot;"></label>\n\n'
    )


def test_an_answer_counts_when_its_row_was_asked_for_and_answered_once_with_a_label_there_is():
    answers = [
        answer(1, " hot  LEAD"),
        answer(2),
        answer(2, '"cold"'),
        answer(3, "lukewarm"),
        answer(9),
    ]
    assert usable(answers, [1, 2, 3, 4], LABELS) == {1: answer(1)}


def test_an_entry_holds_the_answer_or_the_failure():
    failure = Failure(code="row_unanswered", message="asked for 3 times")
    good, bad = entry(1, 17, answer(1)), entry(2, None, failure)
    assert (good.id, good.label, good.error_code) == ("17", "Hot lead", None)
    assert (bad.row, bad.id, bad.label, bad.error_code) == (2, None, None, "row_unanswered")
