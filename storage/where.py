"""Conditions of lists: a WHERE that grows by the filters somebody asked for."""

from collections.abc import Sequence
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

    def add_one_of(self, column: str, wanted: Sequence[str]) -> None:
        """Demand that a column has one of these values; if there are none, any will do."""
        if len(wanted) == 1:
            # Not ANY: by a single value an index is read in the order that is asked for.
            self.add(f"{column} = {{}}", wanted[0])
        elif wanted:
            self.add(f"{column} = ANY({{}}::text[])", list(wanted))
