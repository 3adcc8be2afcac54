"""What a file is, told by its bytes: the kinds that can be read, and names for the others.

A file's name only tells apart what bytes cannot: Markdown from text, and a small table from text.
What an uploader claims about its type does not count.
"""

import codecs
import re
import struct
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Final, Literal

from jobs.delimiters import is_surely_a_table
from jobs.encodings import decode_roughly, is_binary

Kind = Literal["pdf", "docx", "html", "markdown", "csv", "text"]

READABLE: Final = "PDF, DOCX, HTML, Markdown, CSV and plain text"
"""The kinds, for sentences."""

HEAD_BYTES: Final = 1 << 16
TAIL_BYTES: Final = 1 << 18
"""How much of a file's end is looked at: there, archives list what they hold."""


@dataclass(frozen=True)
class Recognised:
    """What a file is.

    Attributes:
        kind: None when nothing here reads it.
        what: Its name, to follow "it is" in a sentence.
    """

    media_type: str
    kind: Kind | None
    what: str


PDF_FILE: Final = Recognised("application/pdf", "pdf", "a PDF")
DOCX_FILE: Final = Recognised(
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "docx",
    "a Word document",
)
HTML_FILE: Final = Recognised("text/html", "html", "a web page")
MARKDOWN_FILE: Final = Recognised("text/markdown", "markdown", "a Markdown text")
CSV_FILE: Final = Recognised("text/csv", "csv", "a table in plain text")
TEXT_FILE: Final = Recognised("text/plain", "text", "a plain text")
# The reader of text looks at all of it, and says why when it is none.
UNKNOWN_FILE: Final = Recognised("application/octet-stream", "text", "a file of an unknown kind")
OLE_FILE: Final = Recognised("application/x-ole-storage", None, "an old Office document")
ZIP_FILE: Final = Recognised("application/zip", None, "a ZIP archive")

MAGIC: Final[tuple[tuple[bytes, str, str], ...]] = (
    (rb"\x89PNG\r\n", "image/png", "a PNG picture"),
    (rb"\xff\xd8\xff", "image/jpeg", "a JPEG picture"),
    (rb"GIF8[79]a", "image/gif", "a GIF picture"),
    (rb"II\*\x00|MM\x00\*", "image/tiff", "a TIFF picture"),
    (rb"RIFF.{4}WEBP", "image/webp", "a WebP picture"),
    (rb"RIFF.{4}(WAVE|AVI )", "application/octet-stream", "a sound or a film"),
    (rb"ID3[\x02-\x04]|OggS\x00|fLaC|.{4}ftyp", "application/octet-stream", "a sound or a film"),
    (rb"\x1f\x8b\x08", "application/gzip", "an archive"),
    (
        rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\xfd7zXZ\x00|BZh\d1AY|\x28\xb5\x2f\xfd",
        "application/octet-stream",
        "an archive",
    ),
    (
        rb"MZ.{0,200}\x00|\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe",
        "application/octet-stream",
        "a program",
    ),
    (rb"SQLite format 3\x00", "application/vnd.sqlite3", "a database"),
    (rb"\{\\rtf", "application/rtf", "an RTF document"),
    (rb"%!PS", "application/postscript", "a PostScript document"),
)
"""Beginnings of what we know but do not read, so that the refusal can name it."""

OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
PDF_MAGIC: Final = re.compile(rb"(\xef\xbb\xbf)?\s*%PDF-")

OFFICE: Final[tuple[tuple[str, Recognised], ...]] = (
    ("word/", DOCX_FILE),
    (
        "xl/",
        Recognised(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            None,
            "an Excel workbook; save its sheets as CSV",
        ),
    ),
    (
        "ppt/",
        Recognised(
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            None,
            "a PowerPoint presentation; save it as PDF",
        ),
    ),
)
"""Office documents are archives, told apart by a folder they hold."""

OPEN_DOCUMENT: Final = re.compile(rb"mimetype(application/[\w.+-]+)")
"""OpenDocument files and electronic books begin with an uncompressed entry that names them."""

MARKDOWN_SUFFIXES: Final = frozenset({".md", ".markdown", ".mdown", ".mkd"})
TABLE_SUFFIXES: Final = frozenset({".csv", ".tsv", ".tab"})
HTML_SUFFIXES: Final = frozenset({".html", ".htm", ".xhtml"})

HTML_START: Final = re.compile(r"<(!doctype\s+html|html|head|body)[\s>/]", re.IGNORECASE)
HTML_PROLOGUE: Final = re.compile(r"[\ufeff\s]+|<!--.*?-->|<\?xml.*?\?>", re.DOTALL)
ANY_TAG: Final = re.compile(r"<[a-z!/]", re.IGNORECASE)


def recognise_file(file: IO[bytes], name: str) -> Recognised:
    """Tell what an open file is; where it stands then is anybody's guess."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(max(0, size - TAIL_BYTES))
    return recognise(head, file.read(TAIL_BYTES), name)


def recognise(head: bytes, tail: bytes, name: str) -> Recognised:
    """Tell what a file is from its first `HEAD_BYTES`, its last `TAIL_BYTES` and its name."""
    if PDF_MAGIC.match(head) or _is_late_pdf(head):
        return PDF_FILE
    if head.startswith(ZIP_MAGIC):
        return _archive(head, tail)
    if head.startswith(OLE_MAGIC):
        return OLE_FILE
    for beginning, media_type, what in MAGIC:
        if re.match(beginning, head, re.DOTALL):
            return Recognised(media_type, None, what)
    if is_binary(head):
        return UNKNOWN_FILE
    return _text(decode_roughly(head), name, is_whole=len(head) < HEAD_BYTES)


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


def _archive(head: bytes, tail: bytes) -> Recognised:
    names = _names_in(tail)
    if names is None:  # cut off, which the reader will say; its first entries stand in the head
        return DOCX_FILE if b"[Content_Types].xml" in head else ZIP_FILE
    if "[Content_Types].xml" in names:
        for folder, recognised in OFFICE:
            if any(each.startswith(folder) for each in names):
                return recognised
    if named := OPEN_DOCUMENT.search(head[:256]):
        return Recognised(named[1].decode(), None, "an OpenDocument file or an electronic book")
    return ZIP_FILE


def _names_in(tail: bytes) -> set[str] | None:
    """List the entries of an archive's directory that lie in its tail; None without a directory."""
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return None
    (size,) = struct.unpack_from("<I", tail, end + 12)
    names, place = set(), max(0, end - size)
    while tail[place : place + 4] == b"PK\x01\x02" and place + 46 <= end:
        lengths = struct.unpack_from("<HHH", tail, place + 28)
        names.add(tail[place + 46 : place + 46 + lengths[0]].decode("utf-8", "replace"))
        place += 46 + sum(lengths)
    return names


def _text(head: str, name: str, *, is_whole: bool) -> Recognised:
    suffix = PurePath(name).suffix.lower()
    if _begins_a_page(head) or (suffix in HTML_SUFFIXES and ANY_TAG.search(head)):
        return HTML_FILE
    if suffix in MARKDOWN_SUFFIXES:
        return MARKDOWN_FILE
    lines = head.splitlines(keepends=True)
    if suffix in TABLE_SUFFIXES or is_surely_a_table(lines if is_whole else lines[:-1]):
        return CSV_FILE
    return TEXT_FILE


def _begins_a_page(head: str) -> bool:
    """Tell whether a text begins as a web page does, behind comments and an XML declaration."""
    place = 0
    # Each turn goes on where the last one ended: one pattern for all would try every split.
    while skipped := HTML_PROLOGUE.match(head, place):
        place = skipped.end()
    return HTML_START.match(head, place) is not None
