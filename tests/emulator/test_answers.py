"""Answers are taken from the input, shaped by the schema, and always the same."""

import json
from enum import StrEnum
from typing import Literal

from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel, Field

from local.openai_emulator.reading import Reader
from local.openai_emulator.shapes import Shaper

DOCUMENT = """
Write a summary of the document below.

<document name="report.md">
# Harbour Report 2025

## Traffic
The harbour of Lindmouth handled 4.2 million tonnes of cargo in 2025, which is
eleven percent more than the year before. Container traffic grew fastest.

| month | tonnes |
|-------|--------|

- Dredging of the northern channel cost 18.5 million euro in total.
- The ferry terminal stayed closed after the storm of 9 March.

Dr. Hale expects cargo traffic in the harbour to grow again next year.
</document>

Return JSON only.
"""


class Mood(StrEnum):
    gloomy = "gloomy"
    growing = "growing traffic"


class Section(BaseModel):
    heading: str
    children: list["Section"] = Field(max_length=2)


class Everything(BaseModel):
    title: str
    summary: str
    key_points: list[str] = Field(min_length=2, max_length=3)
    mood: Mood
    kind: Literal["report"]
    score: int = Field(ge=3, le=7)
    share: float = Field(gt=0, lt=1)
    urgent: bool
    author: str | None
    root: Section
    code: str = Field(min_length=5, max_length=9)


def shaped(text: str) -> Everything:
    value = Shaper(to_strict_json_schema(Everything), Reader(text)).value()
    return Everything.model_validate(value, strict=False)


def test_a_value_fits_its_schema_and_comes_from_the_text() -> None:
    value = shaped(DOCUMENT)
    assert value.title == "Harbour Report 2025"
    assert "4.2 million tonnes of cargo in 2025, which is eleven percent" in value.summary
    assert 2 <= len(value.key_points) <= 3
    assert all(any(letter.isdigit() for letter in point) for point in value.key_points)
    assert value.mood is Mood.growing
    assert value == shaped(DOCUMENT)


def test_instructions_headings_and_markup_are_not_quoted() -> None:
    sentences = Reader(DOCUMENT).sentences
    assert len(sentences) == 5
    assert not [s for s in sentences if "summary" in s or "JSON" in s or "|" in s or "#" in s]
    assert "Dr. Hale expects cargo traffic in the harbour to grow again next year." in sentences


def test_page_footers_and_headings_of_extracted_pages_are_left_out() -> None:
    page = (
        "The audit found 23 faults in all.\nScope and method\n"
        "Two sites were visited in the space of nine days and\n"
        "Security audit | page 1\nthe plant was inspected."
    )
    assert Reader(page).sentences == [
        "The audit found 23 faults in all.",
        "Two sites were visited in the space of nine days and the plant was inspected.",
    ]


def test_an_empty_text_still_gives_a_fitting_value() -> None:
    assert shaped("").summary


async def test_structured_output_parses_with_the_sdk(openai):
    parsed = await openai.responses.parse(
        model="m",
        instructions="Quote nothing from here at all.",
        input=DOCUMENT,
        text_format=Everything,
    )
    assert parsed.output_parsed is not None
    assert parsed.output_parsed.title == "Harbour Report 2025"
    assert "Quote nothing" not in parsed.output_text


async def test_plain_text_and_json_mode(openai):
    plain = await openai.responses.create(model="m", input=DOCUMENT)
    assert plain.output_text.startswith("The harbour of Lindmouth")
    mode = await openai.responses.create(
        model="m", input=DOCUMENT, text={"format": {"type": "json_object"}}
    )
    assert json.loads(mode.output_text)["text"] == plain.output_text
