"""What is sent, and what came of it: what all ways of telling people have in common."""

from dataclasses import dataclass

from jobs.callbacks import AttemptError

Outcome = tuple[AttemptError, str] | None
"""Why it failed, with words for people; None when it did not."""


@dataclass(frozen=True)
class Message:
    """A message as people get it.

    Attributes:
        id: The same on every attempt.
        thread: What messages of the same job have in common; None for others.
    """

    id: str
    thread: str | None
    title: str
    body: str


@dataclass(frozen=True)
class Sent:
    """How an attempt went.

    Attributes:
        error: None when everybody got it whom another attempt could reach.
        untold: Who is left for another attempt, if that is not everybody.
    """

    error: AttemptError | None = None
    message: str | None = None
    untold: tuple[str, ...] | None = None


class Unusable(Exception):
    """A channel cannot be used as it is configured; the text says why."""


def one_line(text: str, longest: int) -> str:
    """Return a text without line breaks and control characters, cut to a length."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
