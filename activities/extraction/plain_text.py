"""Read Markdown and plain text, which need no more than to be decoded."""

from pathlib import Path
from typing import Final

from activities.extraction.decoding import decode
from activities.extraction.errors import Refusal
from activities.extraction.limits import ExtractionLimits
from activities.extraction.reader_result import ReaderResult

WIDEST_CHARACTER_BYTES: Final = 4


def read(path: Path, limits: ExtractionLimits) -> ReaderResult:
    """Decode a text file."""
    decoded = decode(read_content(path, limits))
    return ReaderResult(text=decoded.text, encoding=decoded.encoding)


def read_content(path: Path, limits: ExtractionLimits) -> bytes:
    """Return the bytes of a file whose size alone does not make its text too long.

    Raises:
        Refusal: `document_too_large`.
    """
    if path.stat().st_size > limits.characters * WIDEST_CHARACTER_BYTES:
        raise Refusal("document_too_large", f"more than {limits.characters:,} characters")
    return path.read_bytes()
