"""Read Markdown and plain text: find the encoding, refuse what is not text."""

import codecs
import re
from pathlib import Path
from typing import Final

from activities.extraction.errors import Refusal
from activities.extraction.limits import ExtractionLimits
from activities.extraction.reading import Reading

# The marks of UTF-32 begin with those of UTF-16, so they are asked first.
MARKS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

WIDEST_CHARACTER_BYTES: Final = 4

# Tabs, line ends, form feeds and the escape of coloured logs do occur in text, and 0x1A ends old
# DOS files.
BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")


def read(path: Path, limits: ExtractionLimits) -> Reading:
    """Decode a text file as its mark says, else as UTF-8, else as Windows-1252."""
    if path.stat().st_size > limits.characters * WIDEST_CHARACTER_BYTES:
        raise Refusal("document_too_large", f"more than {limits.characters:,} characters")
    return Reading(text=_decode(path.read_bytes()))


def _decode(content: bytes) -> str:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return _decode_marked(content, encoding)
    if b"\0" in content:
        raise _refuse_zeros(content)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_windows(content)


def _decode_marked(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        at = f"not {encoding} as its first bytes say, from byte {error.start:,} on"
        raise Refusal("document_broken", at) from error


def _decode_windows(content: bytes) -> str:
    # Almost any bytes decode as Windows-1252, so control characters must speak against binary data.
    if BINARY.search(content):
        raise Refusal("document_unsupported", "it is neither text nor a PDF")
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise Refusal("document_unsupported", "its text encoding is unknown") from error


def _refuse_zeros(content: bytes) -> Refusal:
    if not content.strip(b"\0"):
        return Refusal("document_broken", "it consists of zero bytes, as unfinished copies do")
    return Refusal("document_unsupported", "it is binary, or UTF-16 text without a byte order mark")
