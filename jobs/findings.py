"""What is found in a document, and how what its chunks hold becomes what the whole holds.

Descriptions of fields travel to the model: they are part of the prompt.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from datetime import date
from typing import Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")

Kind = Literal[
    "article",
    "contract",
    "email",
    "form",
    "invoice",
    "letter",
    "manual",
    "minutes",
    "policy",
    "presentation",
    "report",
    "resume",
    "specification",
    "survey",
    "table",
    "transcript",
    "other",
]

PARTIAL_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


class Entity(BaseModel):
    """Somebody or something the document names."""

    name: str = Field(description="The name, as the document writes it in full.")
    kind: Literal["person", "organization", "place", "product", "other"]
    role: str = Field(description="Who or what it is in this document, in a few words.")


class FoundDate(BaseModel):
    """A date the document gives."""

    text: str = Field(description="The date, exactly as the document writes it.")
    date: str | None = Field(
        description="The same as YYYY-MM-DD, or YYYY-MM or YYYY where the document says no more; "
        "null when it does not tell the year."
    )
    meaning: str = Field(description="What happens on it, in one clause.")


class Amount(BaseModel):
    """A figure the document gives: money, a share, a quantity."""

    text: str = Field(description="The amount with its unit, exactly as the document writes it.")
    value: str | None = Field(
        description="The same as a plain decimal number, such as 1284.50 or 18400000, without "
        "separators and unit; null when it is a range or no number."
    )
    unit: str | None = Field(
        description="ISO 4217 code of a currency, % of a share, else the unit as written."
    )
    meaning: str = Field(description="What it is the amount of, in one clause.")


class ActionItem(BaseModel):
    """Something the document says somebody is to do."""

    task: str = Field(description="What is to be done, in one sentence.")
    owner: str | None = Field(description="Who is to do it; null when the document does not say.")
    due: str | None = Field(description="Until when, as the document writes it; null when unsaid.")


class Overview(BaseModel):
    """What a document is and says as a whole."""

    kind: Kind
    title: str = Field(description="Its own title, or a fitting one of at most twelve words.")
    language: str = Field(description="The language it is written in, as a BCP 47 tag such as en.")
    summary: str = Field(description="What it says, in three to eight sentences.")
    key_points: list[str] = Field(description="Three to ten points to remember, one sentence each.")
    focus_findings: list[str] = Field(
        description="What it says about the focus you were given, one point each; empty without a "
        "focus, or when it says nothing about it."
    )


class Findings(Overview):
    """Everything found in a document, or in a part of it."""

    entities: list[Entity]
    dates: list[FoundDate]
    amounts: list[Amount]
    action_items: list[ActionItem]


def merged(overview: Overview, parts: Iterable[Findings]) -> Findings:
    """Put the lists of a document's parts, in their order, under the overview of the whole.

    What several parts found is kept once. A date or number that is not in its normal form is left
    to its text.
    """
    parts = list(parts)
    return Findings(
        **overview.model_dump(include=set(Overview.model_fields)),
        entities=_once((e for p in parts for e in p.entities), lambda e: (_flat(e.name), e.kind)),
        dates=_once(
            (_tidy_date(d) for p in parts for d in p.dates),
            lambda d: (d.date or _flat(d.text), _flat(d.meaning)),
        ),
        amounts=_once(
            (_tidy_amount(a) for p in parts for a in p.amounts),
            lambda a: (_flat(a.text), _flat(a.meaning)),
        ),
        action_items=_once((a for p in parts for a in p.action_items), lambda a: _flat(a.task)),
    )


def _once(items: Iterable[T], key: Callable[[T], Hashable]) -> list[T]:
    kept: dict[Hashable, T] = {}
    for item in items:
        kept.setdefault(key(item), item)
    return list(kept.values())


def _flat(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _tidy_date(found: FoundDate) -> FoundDate:
    return found.model_copy(update={"date": found.date if _is_date(found.date or "") else None})


def _is_date(text: str) -> bool:
    if PARTIAL_DATE.fullmatch(text):
        return True
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _tidy_amount(found: Amount) -> Amount:
    value = (found.value or "").strip()
    if GROUPED_NUMBER.fullmatch(value):
        value = value.replace(",", "")
    tidy = value if PLAIN_NUMBER.fullmatch(value) else None
    return found.model_copy(update={"value": tidy})
