"""Findings of a document's parts become those of the whole."""

from typing import Any

import pytest

from jobs.findings import ActionItem, Amount, Entity, Findings, FoundDate, Overview, merged

NOTHING: dict[str, list[Any]] = {"entities": [], "dates": [], "amounts": [], "action_items": []}
OVERVIEW = Overview(
    kind="contract",
    title="Lease",
    language="en",
    summary="The lease.",
    key_points=["It ends."],
    focus_findings=[],
)


def part(**found):
    return Findings(**{**OVERVIEW.model_dump(), **NOTHING, **found})


def dated(text: str, date: str | None, meaning: str = "the end"):
    return FoundDate(text=text, date=date, meaning=meaning)


def amount(text: str, value: str | None, meaning: str = "the rent"):
    return Amount(text=text, value=value, unit="EUR", meaning=meaning)


def test_what_several_parts_found_is_kept_once_in_the_order_of_the_parts():
    first = part(
        entities=[Entity(name="Acme  Ltd", kind="organization", role="tenant")],
        dates=[dated("1 May 2026", "2026-05-01")],
        amounts=[amount("EUR 5", "5")],
        action_items=[ActionItem(task="Sign it.", owner=None, due=None)],
    )
    second = part(
        entities=[
            Entity(name="ACME Ltd", kind="organization", role="the tenant"),
            Entity(name="Berlin", kind="place", role="where the flat is"),
        ],
        dates=[dated("May 1st, 2026", "2026-05-01", "The end."), dated("2027", "2027")],
        amounts=[amount("EUR 5", "5"), amount("EUR 5", "5", "the deposit")],
        action_items=[ActionItem(task="sign it", owner="Ann", due=None)],
    )
    whole = merged(OVERVIEW, [first, second])
    assert [each.name for each in whole.entities] == ["Acme  Ltd", "Berlin"]
    assert [each.text for each in whole.dates] == ["1 May 2026", "2027"]
    assert [each.meaning for each in whole.amounts] == ["the rent", "the deposit"]
    assert [each.task for each in whole.action_items] == ["Sign it."]


def test_the_overview_is_that_of_the_whole():
    assert merged(OVERVIEW, [part(title="Part one"), part(title="Part two")]).title == "Lease"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-05-01", "2026-05-01"),
        ("2026-05", "2026-05"),
        ("2026", "2026"),
        ("2026-02-30", None),
        ("2026-13", None),
        ("20260501", None),
        ("1 May 2026", None),
        (None, None),
    ],
)
def test_a_date_that_is_not_in_its_normal_form_is_left_to_its_text(given, kept):
    assert merged(OVERVIEW, [part(dates=[dated("text", given)])]).dates == [dated("text", kept)]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("1284.50", "1284.50"),
        ("-3", "-3"),
        ("1,284.50", "1284.50"),
        ("18,400,000", "18400000"),
        ("1.284,50", None),
        ("12,50", None),
        ("3 to 5", None),
        ("", None),
        (None, None),
    ],
)
def test_a_value_that_is_no_plain_number_is_left_to_its_text(given, kept):
    whole = merged(OVERVIEW, [part(amounts=[amount("text", given)])])
    assert whole.amounts == [amount("text", kept)]
