"""Labels for rows: what a model is asked for, and which of its answers count."""

from collections import Counter
from collections.abc import Collection, Iterable
from html import escape
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, create_model

from jobs.inputs import Words
from jobs.model import Failure

LONGEST_ID = 200

EXAMPLE: dict[str, JsonValue] = {
    "rows": [{"company": "Northgate Grocers", "note": "Wants an offer by Friday"}],
    "labels": [
        {"name": "hot", "description": "Wants to buy soon"},
        {"name": "cold", "description": "No need in sight"},
    ],
}
"""A payload, for the schema: its required members alone do not make one."""


class Label(BaseModel):
    """A label to choose, and what it means."""

    name: Words = Field(max_length=100, examples=["hot"])
    description: str = Field(
        default="", max_length=2_000, examples=["Has a budget and wants to buy this quarter."]
    )


class RowAnswer(BaseModel):
    """The label of one row."""

    row: int = Field(description="The id of the row.")
    label: str
    confidence: float = Field(ge=0, le=1)
    reason: str


class RowAnswers(BaseModel):
    """One answer for every row."""

    answers: list[RowAnswer]


class ClassifiedRow(BaseModel):
    """A row's label, or why it has none. Rows count from 1; a heading is no row.

    Attributes:
        id: The cell of the column that names rows, when one was given.
        confidence: The model's own estimate, from 0 to 1; it is not calibrated.
    """

    row: int
    id: str | None = None
    label: str | None = None
    confidence: float | None = None
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None


def plain(name: str) -> str:
    """Return what two spellings of one label have in common."""
    return " ".join(name.casefold().split())


def answers_with(labels: Iterable[Label]) -> type[RowAnswers]:
    """Return a model of answers whose schema allows these labels only.

    The schema alone says so: an answer with another label, from a provider that does not enforce
    schemas, leaves its row open instead of spoiling its neighbours' answers.
    """
    names = Field(json_schema_extra={"enum": [each.name for each in labels]})
    one = create_model("RowAnswer", __base__=RowAnswer, label=(Annotated[str, names], ...))
    return create_model("RowAnswers", __base__=RowAnswers, answers=(list[one], ...))


def usable(
    answers: Iterable[RowAnswer], asked: Collection[int], labels: Iterable[Label]
) -> dict[int, RowAnswer]:
    """Return the answers that count, by row: asked for, given once, with a label there is."""
    answers, spelled = list(answers), {plain(each.name): each.name for each in labels}
    times = Counter(each.row for each in answers)
    return {
        each.row: each.model_copy(update={"label": spelled[plain(each.label)]})
        for each in answers
        if each.row in asked and times[each.row] == 1 and plain(each.label) in spelled
    }


def entry(row: int, row_id: JsonValue, found: RowAnswer | Failure) -> ClassifiedRow:
    """Make a row's entry in the result."""
    name = None if row_id is None else str(row_id)[:LONGEST_ID]
    if isinstance(found, RowAnswer):
        return ClassifiedRow(id=name, **found.model_dump())
    return ClassifiedRow(row=row, id=name, error_code=found.code, error_message=found.message)


def in_tags(labels: Iterable[Label]) -> str:
    """Put the labels before a model."""
    lines = [
        f'<label name="{escape(each.name)}">{escape(each.description, quote=False)}</label>'
        for each in labels
    ]
    return "\n".join(lines) + "\n\n"
