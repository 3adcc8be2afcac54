"""Tell what a document is from its bytes; its name only tells Markdown from other text."""

import codecs
import re
from pathlib import PurePath
from typing import Final, Literal

from activities.extraction.errors import Refusal

Kind = Literal["pdf", "markdown", "text"]

HEAD_BYTES: Final = 4096

MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (rb"\x89PNG\r\n", "a PNG picture"),
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"GIF8[79]a", "a GIF picture"),
    (rb"II\*\x00|MM\x00\*", "a TIFF picture"),
    (rb"RIFF.{4}WEBP", "a WebP picture"),
    (rb"RIFF.{4}(WAVE|AVI )|ID3[\x02-\x04]|OggS\x00|fLaC|.{4}ftyp", "a sound or a film"),
    (rb"PK(\x03\x04|\x05\x06)", "a ZIP archive or an Office document"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (rb"\x1f\x8b\x08|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\xfd7zXZ\x00|BZh\d1AY", "an archive"),
    (rb"MZ.{0,200}\x00|\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe", "a program"),
    (rb"SQLite format 3\x00", "a database"),
    (rb"\{\\rtf", "an RTF document"),
    (rb"%!PS", "a PostScript document"),
    (rb"(\xef\xbb\xbf)?\s*(?i:<!doctype html|<html)[\s>]", "a web page"),
)
"""Beginnings of what we know but do not read, so that the refusal can name it."""

PDF: Final = re.compile(rb"(\xef\xbb\xbf)?\s*%PDF-")
MARKDOWN_SUFFIXES: Final = frozenset({".md", ".markdown", ".mdown", ".mkd"})


def sniff(head: bytes, name: str) -> Kind:
    """Name the kind of a document from its first `HEAD_BYTES` bytes.

    Whatever is not recognised counts as text; the text reader refuses what does not decode.

    Raises:
        Refusal: `document_unsupported`, when the bytes are of a known kind without a reader.
    """
    if PDF.match(head) or _is_late_pdf(head):
        return "pdf"
    for beginning, what in MAGIC:
        if re.match(beginning, head, re.DOTALL):
            raise Refusal("document_unsupported", f"it is {what}")
    return "markdown" if PurePath(name).suffix.lower() in MARKDOWN_SUFFIXES else "text"


def _is_late_pdf(head: bytes) -> bool:
    """Recognise a PDF behind up to 1 KiB of junk, which every PDF reader tolerates.

    A text that merely mentions the mark has no binary bytes beside it.
    """
    if b"%PDF-" not in head[:1024]:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last character may be cut off
    except UnicodeDecodeError:
        return True
    return False
