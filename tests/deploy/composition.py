"""Reads docker-compose.yml as Docker Compose would, as far as our own file goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HOUSE = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class MissingVariable(ValueError):
    """A variable without a default is not set."""


@dataclass(frozen=True)
class Service:
    """One service, its variables filled in."""

    name: str
    body: dict[str, Any]

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        return [str(each) for each in self.body["command"]]

    @property
    def environment(self) -> dict[str, str]:
        """The environment the file gives it; a name without a value is left out."""
        named = self.body.get("environment", {}).items()
        return {name: str(value) for name, value in named if value is not None}

    @property
    def health_check(self) -> list[str]:
        """The command that says whether it is well."""
        first, *command = self.body["healthcheck"]["test"]
        assert first == "CMD"
        return [str(each) for each in command]


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """Return every service of the file.

    Raises:
        MissingVariable: One that has no default is not among the variables.
    """
    read = yaml.safe_load((HOUSE / "docker-compose.yml").read_text())
    filled = _filled(read["services"], variables)
    for body in filled.values():
        _hand_on(body.get("environment", {}), variables)
    return {name: Service(name, body) for name, body in filled.items()}


def _hand_on(environment: dict[str, Any], variables: Mapping[str, str]) -> None:
    """Give the names that have no value that of the variable of the same name, if there is one."""
    for name in (name for name, value in environment.items() if value is None):
        environment[name] = variables.get(name)


def _filled(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, variables) for value in node]
    return VARIABLE.sub(lambda hit: _value(hit, variables), node) if isinstance(node, str) else node


def _value(hit: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, otherwise = hit.groups()
    if variables.get(name):
        return variables[name]
    if kind == "-":
        return otherwise
    raise MissingVariable(f"{name}: {otherwise}")
