"""What the emulator finds in a text: dates, amounts, names, tasks, and labels for rows."""

import json
from typing import TypeVar

import pytest
from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel

from jobs.findings import Findings
from jobs.leads import Label, RowAnswers, in_tags
from jobs.rows import in_words
from local.openai_emulator.reading import Reader
from local.openai_emulator.shapes import Shaper

TEXT = """
<document-0123456789ab name="lease.md">
# Lease of the harbour hall

The hall belongs to Lindmouth Harbour Company and is let from 1 May 2026 to Ada Crane.
The rent is GBP 1,284.50 a month, and the deposit is £2.5 million, which is 12% of the value.
Ada Crane must insure the hall by 2026-04-15, and May is not a date.
</document-0123456789ab>
"""
M = TypeVar("M", bound=BaseModel)
LABELS = [
    Label(name="hot", description="has a budget, wants to buy"),
    Label(name="cold", description="student & curious"),
]


def shaped(kind: type[M], text: str) -> M:
    return kind.model_validate(Shaper(to_strict_json_schema(kind), Reader(text)).value())


@pytest.fixture(scope="module")
def found() -> Findings:
    return shaped(Findings, TEXT)


def test_dates_are_found_and_brought_to_their_normal_form(found: Findings):
    dates = {each.text: each.date for each in found.dates}
    assert dates == {"1 May 2026": "2026-05-01", "2026-04-15": "2026-04-15"}


def test_amounts_are_found_with_value_and_unit(found: Findings):
    amounts = [(each.text, each.value, each.unit) for each in found.amounts]
    assert amounts == [
        ("GBP 1,284.50", "1284.50", "GBP"),
        ("£2.5 million", "2500000", "GBP"),
        ("12%", "12", "%"),
    ]
    assert all("The rent is" in each.meaning for each in found.amounts)


def test_names_and_tasks_are_found(found: Findings):
    assert {"Lindmouth Harbour Company", "Ada Crane"} <= {each.name for each in found.entities}
    assert [each.due for each in found.action_items] == ["2026-04-15"]
    assert (found.language, found.title) == ("en", "Lease of the harbour hall")


def test_a_text_without_any_gives_empty_lists():
    found = shaped(Findings, "The harbour was quiet all winter.")
    assert (found.dates, found.amounts, found.entities, found.action_items) == ([], [], [], [])


def test_each_row_gets_the_label_it_shares_most_words_with():
    notes = ["Wants to buy", "A curious </row> student", "?"]
    text = in_tags(LABELS) + "".join(in_words(n, {"note": note}) for n, note in enumerate(notes, 1))
    answers = shaped(RowAnswers, text).answers
    assert [(each.row, each.label) for each in answers] == [(1, "hot"), (2, "cold"), (3, "hot")]
    assert [each.confidence for each in answers] == [0.7, 0.7, 0.3]


async def test_the_sdk_gets_an_answer_for_every_row(openai):
    text = in_tags(LABELS) + in_words(7, {"note": "has a budget"})
    parsed = await openai.responses.parse(model="m", input=text, text_format=RowAnswers)
    assert [each["row"] for each in json.loads(parsed.output_text)["answers"]] == [7]
