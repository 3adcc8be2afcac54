"""What a reader returns, and the removal of characters that nothing downstream accepts."""

import re
from dataclasses import dataclass
from typing import Final

UNWANTED: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class ReaderResult:
    """Carry one document's text; pages only where the kind has them.

    Attributes:
        encoding: What the bytes were in, by Python's name; None where the kind has one only.
        header: What stands before `text`, and again before every further piece it is cut into.
    """

    text: str
    pages: int | None = None
    pages_without_text: int = 0
    encoding: str | None = None
    header: str = ""


def clean_text(text: str) -> str:
    r"""End lines with \n only, and drop what Postgres, models and UTF-8 refuse."""
    return UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
