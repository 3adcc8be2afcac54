"""Reading words from the command line: NAME=VALUE, @FILE, JSON."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer


def pairs(texts: Iterable[str] | None, hint: str) -> dict[str, str]:
    """Split NAME=VALUE words; anything else is wrong usage."""
    split = [text.partition("=") for text in texts or ()]
    for name, equals, _ in split:
        if not (name and equals):
            raise typer.BadParameter("expected NAME=VALUE", param_hint=hint)
    return {name: value for name, _, value in split}


def json_or_text(value: str) -> Any:
    """Read `5` as a number and `gpt-6.1-terra` as a word."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def text_of(given: str) -> str:
    """Return a text that was given as itself, as @FILE, or as - for the standard input."""
    if given == "-":
        return sys.stdin.read()
    if given.startswith("@"):
        return Path(given[1:]).read_text(encoding="utf-8")
    return given
