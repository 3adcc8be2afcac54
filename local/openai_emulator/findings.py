"""Find dates, amounts, names and tasks in sentences, the simple way: by how they are written."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_MONTH_NAMES = """
January February March April May June July August September October November December
"""
_MONTHS = _MONTH_NAMES.split()
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DATE = re.compile(
    r"\b(?:(?P<iso>\d{4}-\d{2}-\d{2})"
    rf"|(?:(?P<day>\d{{1,2}}) )?{_MONTH}(?: (?P<year>\d{{4}}))?)\b"
)
_CURRENCIES = {"£": "GBP", "€": "EUR", "$": "USD"}
_AMOUNT = re.compile(
    r"(?:\b(?P<code>GBP|EUR|USD) |(?P<sign>[£€$]))(?P<money>\d[\d,]*(?:\.\d+)?)"
    r"(?: (?P<scale>thousand|million|billion))?|(?P<share>\d+(?:\.\d+)?)\s?%"
)
_SCALES = {"thousand": 3, "million": 6, "billion": 9}
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w&-]+(?: (?:of |& )?[A-Z][\w&-]+)+")
_COMPANY = re.compile(r"\b(?:Ltd|Inc|GmbH|Robotics|Group|Bank|Photonics|Grocers|Company|Board)\b")
_DUTY = re.compile(r"\b(?:must|shall|is to be|are to be|needs? to|has to|have to)\b")
_MOST = 8

Finding = dict[str, Any]


def findings(name: str, sentences: list[str]) -> list[Finding]:
    """Return what a list called `name`, one of `KINDS`, holds; `""` is for members not named."""
    found: dict[tuple[Any, ...], Finding] = {}
    for sentence in sentences:
        for each in _FINDERS[name](sentence):
            found.setdefault(tuple(each.values()), {**each, "": sentence})
    return list(found.values())[:_MOST]


def _dates(sentence: str) -> Iterator[Finding]:
    for match in _DATE.finditer(sentence):
        if match["iso"] or match["day"] or match["year"]:
            yield {"text": match[0], "date": _normal_date(match)}


def _normal_date(match: re.Match[str]) -> str | None:
    if match["iso"] or not match["year"]:
        return match["iso"]
    month = f"{match['year']}-{_MONTHS.index(match['month']) + 1:02}"
    return f"{month}-{int(match['day']):02}" if match["day"] else month


def _amounts(sentence: str) -> Iterator[Finding]:
    for match in _AMOUNT.finditer(sentence):
        if match["share"]:
            yield {"text": match[0], "value": match["share"], "unit": "%"}
            continue
        unit = match["code"] or _CURRENCIES[match["sign"]]
        yield {"text": match[0], "value": _scaled(match["money"], match["scale"]), "unit": unit}


def _scaled(number: str, scale: str | None) -> str:
    """Write a number out, digit by digit: 18.4 million is 18400000."""
    whole, _, part = number.replace(",", "").partition(".")
    zeros = _SCALES.get(scale or "", 0)
    shifted, left = (part + "0" * zeros)[:zeros], part[zeros:]
    return (whole + shifted).lstrip("0").rjust(1, "0") + (f".{left}" if left else "")


def _entities(sentence: str) -> Iterator[Finding]:
    for match in _NAME.finditer(sentence):
        if not set(match[0].split()) & set(_MONTHS):
            kind = "organization" if _COMPANY.search(match[0]) else "other"
            yield {"name": match[0], "kind": kind}


def _tasks(sentence: str) -> Iterator[Finding]:
    if _DUTY.search(sentence):
        due = _DATE.search(sentence)
        yield {"task": sentence, "owner": None, "due": due[0] if due else None}


_FINDERS: dict[str, Callable[[str], Iterator[Finding]]] = {
    "dates": _dates,
    "amounts": _amounts,
    "entities": _entities,
    "action_items": _tasks,
}

KINDS = frozenset(_FINDERS)
"""Names of the lists that are filled by finding."""
