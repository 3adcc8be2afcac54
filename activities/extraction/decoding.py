"""Turn bytes into text: find the encoding, refuse what is not text rather than garble it."""

import re
from dataclasses import dataclass
from typing import Final

from activities.extraction.encoding_detection import detect_encoding, detect_wide_encoding
from activities.extraction.errors import Refusal
from jobs.encodings import BINARY, detect_marked_encoding, detect_unmarked_utf16
from jobs.kinds import READABLE

CHARSETS: Final[dict[str, str]] = {
    # Web pages that say the first mean the second.
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("ks_c_5601-1987", "euc-kr"), "cp949"),
    **dict.fromkeys(("macintosh", "mac"), "mac-roman"),
    **dict.fromkeys(("windows-1252", "cp1252"), "cp1252"),
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "big5": "big5hkscs",
    "euc-jp": "euc-jp",
    "iso-2022-jp": "iso-2022-jp",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "ibm866": "cp866",
}
"""What a web page may call its encoding. Python knows more, some of which are no encodings."""

NUMBERED: Final = re.compile(r"(?:windows-125[0-8]|iso-8859-(?:[2-9]|1[013-6]))")

MOST_BAD: Final = 0.01
"""A few bad bytes in a page that says what it is in are the page's, as browsers see it; with more,
it says the wrong thing."""

JAPANESE_ESCAPE: Final = re.compile(rb"\x1b\$[@B]")
"""ISO-2022-JP, still used in mail, is ASCII but for what these begin."""


@dataclass(frozen=True)
class DecodedText:
    """A text and the encoding it was in, by Python's name."""

    text: str
    encoding: str


def decode(content: bytes, *, declared: str | None = None) -> DecodedText:
    """Decode as a byte order mark says, else as declared, else as UTF-8, else as detected.

    Args:
        content: All of the bytes.
        declared: What the text says of itself, if it does.

    Raises:
        Refusal: `document_broken` when the bytes contradict their mark, `document_unsupported` when
            they are no text, or a text whose encoding cannot be told.
    """
    if encoding := detect_marked_encoding(content) or _find_wide_encoding(content):
        return _decode_as(content, encoding)
    charset = (declared or "").strip().lower()
    known = CHARSETS.get(charset) or (charset if NUMBERED.fullmatch(charset) else None)
    if known is None and JAPANESE_ESCAPE.search(content):
        known = "iso-2022-jp"
    try:
        return DecodedText(content.decode(known or "utf-8"), known or "utf-8")
    except UnicodeDecodeError:
        if known is not None:
            text = content.decode(known, "replace")
            if text.count("\ufffd") <= MOST_BAD * len(text):
                return DecodedText(text, known)
        return _decode_detected(content)


def _find_wide_encoding(content: bytes) -> str | None:
    """Return the UTF-16 or UTF-32 that zero bytes tell of.

    Raises:
        Refusal: They tell of something else.
    """
    if b"\0" not in content:
        return None
    if not content.strip(b"\0"):
        detail = "it consists of zero bytes, as unfinished copies do"
        raise Refusal("document_broken", detail)
    encoding = detect_unmarked_utf16(content) or detect_wide_encoding(content)
    if encoding is None:
        raise Refusal("document_unsupported", f"it is binary; {READABLE} can be read")
    return encoding


def _decode_as(content: bytes, encoding: str) -> DecodedText:
    try:
        return DecodedText(content.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        at = f"not {encoding} as its first bytes say, from byte {error.start:,} on"
        raise Refusal("document_broken", at) from error


def _decode_detected(content: bytes) -> DecodedText:
    # Almost any bytes decode in some old encoding, so control characters must speak against
    # binary data.
    if BINARY.search(content):
        raise Refusal("document_unsupported", f"it is binary; {READABLE} can be read")
    encoding = detect_encoding(content)
    try:
        if encoding is not None:
            return DecodedText(content.decode(encoding), encoding)
    except UnicodeDecodeError:
        pass  # beyond the sample it is something else
    raise Refusal("document_unsupported", "its text encoding is unknown; save it as UTF-8")
