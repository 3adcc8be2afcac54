"""What a look at a payload found before anything was started."""

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.values import DocumentId

MOST_MISTAKES = 100
"""Mistakes worth telling: nobody mends more at a time, and one body can hold a million."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, and where.

    Attributes:
        pointer: RFC 6901 pointer into what was looked at.
        detail: What is wrong, for whoever wrote it.
    """

    pointer: str
    detail: str


class Checked:
    """Everything that a look at a payload found, each finding once.

    Mistakes end with the one after `MOST_MISTAKES`, which is there to say that there are more.
    """

    def __init__(
        self,
        mistakes: Iterable[Mistake] = (),
        documents: Iterable[tuple[str, DocumentId]] = (),
    ) -> None:
        # Dictionaries keep the order, and know at once what they hold.
        self._mistakes: dict[Mistake, None] = {}
        self._documents = dict.fromkeys(documents)
        self.add(mistakes)

    @property
    def mistakes(self) -> list[Mistake]:
        """What is wrong, in the order it was found."""
        return list(self._mistakes)

    @property
    def documents(self) -> list[tuple[str, DocumentId]]:
        """Documents the payload names, each with its pointer.

        Whether they exist is not for a pure check to say.
        """
        return list(self._documents)

    @property
    def is_full(self) -> bool:
        """Whether no further mistake is taken: there is no use in looking for one."""
        return len(self._mistakes) > MOST_MISTAKES

    def within(self, base: str) -> "Checked":
        """Return the same findings as seen from a document that holds the payload at a pointer."""
        return Checked(
            (Mistake(base + each.pointer, each.detail) for each in self._mistakes),
            ((base + at, document) for at, document in self._documents),
        )

    def take(self, others: "Checked") -> None:
        """Add findings, without those that are known already."""
        self.add(others._mistakes)
        self.name(others._documents)

    def add(self, mistakes: Iterable[Mistake]) -> None:
        """Add mistakes, without those that are known already, and none once it is full."""
        for each in mistakes:
            if self.is_full:
                return
            self._mistakes[each] = None

    def name(self, documents: Iterable[tuple[str, DocumentId]]) -> None:
        """Add documents, without those that are known already."""
        self._documents.update(dict.fromkeys(documents))
