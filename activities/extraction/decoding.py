"""Turn bytes into text: find the encoding, refuse what is not text rather than garble it."""

import re
from typing import Final

from activities.extraction.errors import Refusal
from jobs.encodings import BINARY, marked_encoding, unmarked_utf16
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

FOREIGN: Final = re.compile(r"[^\W\d_a-zA-Z]")
LETTER: Final = re.compile(r"[^\W\d_]")
MOST_FOREIGN, MOST_FOREIGN_OF_FEW, FEW_LETTERS = 0.3, 0.5, 50
"""Of the letters of a text in the old Western encoding, so many have accents at the most: beyond
that it is a text of another script, which would come out as garbage."""


def decode(content: bytes, *, declared: str | None = None) -> str:
    """Decode as a byte order mark says, else as declared, else as UTF-8, else as Windows-1252.

    Args:
        content: All of the bytes.
        declared: What the text says of itself, if it does.

    Raises:
        Refusal: `document_broken` when the bytes contradict their mark, `document_unsupported` when
            they are no text, or a text whose encoding cannot be told.
    """
    if encoding := marked_encoding(content) or _unmarked(content):
        return _decode_as(content, encoding)
    charset = (declared or "").strip().lower()
    known = CHARSETS.get(charset) or (charset if NUMBERED.fullmatch(charset) else None)
    try:
        return content.decode(known or "utf-8")
    except UnicodeDecodeError:
        # A few bad bytes in a page that says what it is in are the page's, as browsers see it.
        return content.decode(known, "replace") if known else _decode_western(content)


def _unmarked(content: bytes) -> str | None:
    """Return the UTF-16 that zero bytes tell of.

    Raises:
        Refusal: They tell of something else.
    """
    if b"\0" not in content:
        return None
    if not content.strip(b"\0"):
        detail = "it consists of zero bytes, as unfinished copies do"
        raise Refusal("document_broken", detail)
    encoding = unmarked_utf16(content)
    if encoding is None:
        raise Refusal("document_unsupported", f"it is binary; {READABLE} can be read")
    return encoding


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        at = f"not {encoding} as its first bytes say, from byte {error.start:,} on"
        raise Refusal("document_broken", at) from error


def _decode_western(content: bytes) -> str:
    # Almost any bytes decode as Windows-1252, so control characters must speak against binary data
    # and letters against another script.
    if BINARY.search(content):
        raise Refusal("document_unsupported", f"it is binary; {READABLE} can be read")
    unknown = Refusal("document_unsupported", "its text encoding is unknown; save it as UTF-8")
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise unknown from error
    letters = len(LETTER.findall(text))
    most = MOST_FOREIGN if letters > FEW_LETTERS else MOST_FOREIGN_OF_FEW
    if len(FOREIGN.findall(text)) > most * letters:
        raise unknown
    return text
