"""What a reader hands back, and how its text is made fit for everything downstream."""

import re
from dataclasses import dataclass
from typing import Final

UNWANTED: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True)
class Reading:
    """Carry one document's text; pages only where the kind has them."""

    text: str
    pages: int | None = None
    pages_without_text: int = 0


def tidy(text: str) -> str:
    r"""End lines with \n only, and drop control characters, which Postgres and models refuse."""
    return UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
