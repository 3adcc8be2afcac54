"""Which encoding a text is in, as far as its bytes tell."""

import codecs
import re
from typing import Final

# The marks of UTF-32 begin with those of UTF-16, so they are asked first.
MARKS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Tabs, line ends, form feeds and the escape of coloured logs do occur in text, and 0x1A ends old
# DOS files.
BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")

SAMPLE_BYTES: Final = 4096
MANY, FEW = 0.4, 0.05
"""Shares of zero bytes at even and odd places: blanks and line ends alone give every script some,
but only scripts below U+0100 are told from binary data by them."""


def detect_marked_encoding(content: bytes) -> str | None:
    """Return the encoding that a byte order mark names; None without one."""
    return next((name for mark, name in MARKS if content.startswith(mark)), None)


def detect_unmarked_utf16(content: bytes) -> str | None:
    """Return the UTF-16 that a text without a mark seems to be in; None when it does not.

    Latin letters have a zero byte each, always on the same side.
    """
    sample = content[:SAMPLE_BYTES]
    half = len(sample) // 2
    if not half:
        return None
    even, odd = sample[0 : 2 * half : 2].count(0) / half, sample[1::2].count(0) / half
    if odd > MANY and even < FEW:
        return "utf-16-le"
    return "utf-16-be" if even > MANY and odd < FEW else None


def is_binary(content: bytes) -> bool:
    """Tell whether bytes are no text in any encoding we know."""
    if detect_marked_encoding(content) or detect_unmarked_utf16(content):
        return False
    return BINARY.search(content) is not None


def decode_roughly(head: bytes) -> str:
    """Decode the beginning of a text well enough to see its ASCII characters."""
    encoding = detect_marked_encoding(head) or detect_unmarked_utf16(head) or "latin-1"
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(head)  # its last character may be cut off
