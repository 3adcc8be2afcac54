"""What a look at a payload found before anything was started."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobs.values import DocumentId


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, and where.

    Attributes:
        pointer: RFC 6901 pointer into what was looked at.
        detail: What is wrong, for whoever wrote it.
    """

    pointer: str
    detail: str


@dataclass(frozen=True)
class Checked:
    """Everything that a look at a payload found.

    Attributes:
        documents: Documents the payload names, each with its pointer; whether they exist is not
            for a pure check to say.
    """

    mistakes: list[Mistake] = field(default_factory=list)
    documents: list[tuple[str, DocumentId]] = field(default_factory=list)

    def within(self, base: str) -> "Checked":
        """Return the same findings as seen from a document that holds the payload at a pointer."""
        return Checked(
            [Mistake(base + each.pointer, each.detail) for each in self.mistakes],
            [(base + at, document) for at, document in self.documents],
        )

    def take(self, others: "Checked") -> None:
        """Add findings, without those that are known already."""
        self.add(others.mistakes)
        self.documents.extend(each for each in others.documents if each not in self.documents)

    def add(self, mistakes: Iterable[Mistake]) -> None:
        """Add mistakes, without those that are known already."""
        known = set(self.mistakes)
        self.mistakes.extend(each for each in mistakes if each not in known)
