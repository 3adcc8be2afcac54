"""Reading arguments of the command line: NAME=VALUE, @FILE, JSON."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at the most.")]


def read_pairs(texts: Iterable[str] | None, hint: str) -> dict[str, str]:
    """Split NAME=VALUE arguments; anything else is wrong usage."""
    split = [text.partition("=") for text in texts or ()]
    for name, equals, _ in split:
        if not (name and equals):
            raise typer.BadParameter("expected NAME=VALUE", param_hint=hint)
    return {name: value for name, _, value in split}


def read_options(texts: Iterable[str] | None) -> dict[str, Any]:
    """Read NAME=VALUE options: `5` is a number and `gpt-6.1-terra` a text."""
    return {name: _json_or_text(value) for name, value in read_pairs(texts, "--option").items()}


def read_json(argument: str, hint: str) -> Any:
    """Read JSON that was given as itself, as @FILE, or as - for the standard input."""
    try:
        return json.loads(_text(argument))
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error}", param_hint=hint) from None
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=hint) from None


def read_object(argument: str) -> dict[str, Any]:
    """Read the payload that a command was given; anything but a JSON object is wrong usage."""
    value = read_json(argument, "PAYLOAD")
    if not isinstance(value, dict):
        raise typer.BadParameter("not a JSON object", param_hint="PAYLOAD")
    return value


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(argument: str) -> str:
    if argument == "-":
        return sys.stdin.read()
    if argument.startswith("@"):
        return Path(argument[1:]).read_text(encoding="utf-8")
    return argument
