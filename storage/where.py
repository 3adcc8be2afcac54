"""Conditions of lists: a WHERE that grows by the filters somebody asked for."""

from typing import Any


class Where:
    """A WHERE and the values bound to it; as text it is SQL.

    Args:
        clause: What always holds. It is our own SQL, with `{}` in place of each value.
        *values: What is bound; never part of the text.
    """

    def __init__(self, clause: str, *values: Any) -> None:
        self.values: list[Any] = []
        self._clauses: list[str] = []
        self.add(clause, *values)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._clauses)}"

    def add(self, clause: str, *values: Any) -> None:
        """Demand one thing more."""
        numbers = [f"${len(self.values) + 1 + index}" for index in range(len(values))]
        self._clauses.append(clause.format(*numbers))
        self.values.extend(values)
