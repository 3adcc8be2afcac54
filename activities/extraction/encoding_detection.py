"""Detect which old encoding a text without a mark is in; answer nothing when it cannot be told.

A file may be ASCII but for one name in its last row, so only the pieces that hold other bytes are
judged. chardet scores encodings by the letters that follow each other; it always has a favourite,
so what its favourite would read must also be possible, and better than the second by a margin.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WESTERN: Final = "cp1252"
ENCODINGS: Final = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("cp932", "euc-jp", "gb18030", "big5hkscs", "cp949", "koi8-r", "koi8-u", "cp866"),
    *("cp850", "cp852", "mac-roman", "iso-8859-2", "iso-8859-5"),
)
"""What files were written in; more candidates, such as those of mainframes, only add doubt."""

WIDE: Final = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")

SAMPLE_BYTES: Final = 1 << 14
LONGEST_LEAD: Final = 64
HIGH: Final = re.compile(rb"[\x80-\xff]")
LEAD: Final = re.compile(rb"[^\x00-\x1f!-&(-,./:-?]*\Z")
REST: Final = re.compile(rb"[^\x00-\x1f!-&(-,./:-?]+")
"""A piece lies between punctuation marks; none of these is ever half of a letter."""

FAINT: Final = 0.03
"""Scores below it mean nothing."""

ABOUT_EQUAL, CLEAR = 1.3, 1.1
CLEAR_OF_WESTERN, CLEAR_OF_WESTERN_OFTEN, OFTEN = 2.0, 1.75, 10
"""Most files are Western, so others must be better than Western by more. Measured on tables with 1
to 50 names of countries and languages in 30 languages: of 624 Western ones 605 were read right, one
wrong, 18 refused; of 240 in Windows' Cyrillic 239 were read right, none wrong."""

LETTERS: Final = re.compile(r"[^\W\d_]+")
MOST_FOREIGN: Final = 0.7
"""Of the letters in words with accents, so many have one at the most, as in `été`."""

FOREIGN: Final = re.compile(r"[^\W\d_a-zA-Z]")
GARBAGE: Final = re.compile(r"[\x80-\x9f\ue000-\uf8ff\ufffd]")
"""Control characters, and characters that nobody has assigned."""

ODD: Final = re.compile(
    r"[^\W\d_][\xa1-\xa8\xac\xaf\xb2\xb3\xb6\xb8\xb9\xbc-\xbf\u02c6\u02dc\u201a\u201c-\u201e\u2020\u2021"
    r"\u2500-\u25ff][^\W\d_]|[a-zA-Z][\u0370-\u0fff]|[\u0370-\u0fff][a-zA-Z]"
)
"""Signs between two letters that do not belong there, and two scripts in a word."""

MOST_ODD: Final = 0.1
"""Of the words that are not ASCII, so many are odd at the most: any text has misprints."""


@dataclass(frozen=True)
class _Candidate:
    encoding: str
    score: float


def detect_encoding(content: bytes) -> str | None:
    """Return the encoding of a text that is not UTF-8; None when it is in doubt."""
    sample = _sample(content)
    western = _decode_sample(sample, WESTERN)
    is_western = western is not None and _is_western(western)
    if is_western and (len(HIGH.findall(sample)) < 2 or not FOREIGN.search(western or "")):
        return WESTERN  # nothing follows from one letter, or from signs, as in 5 €
    candidates = list(_find_candidates(sample, western if is_western else None))
    best = max(candidates, key=lambda each: each.score, default=None)
    if is_western:
        score = next((each.score for each in candidates if each.encoding == WESTERN), 0.0)
        if best is None or best.score < FAINT or best.score <= ABOUT_EQUAL * score:
            return WESTERN
        is_often = sample.count(b"\n") >= OFTEN
        if best.score < (CLEAR_OF_WESTERN_OFTEN if is_often else CLEAR_OF_WESTERN) * score:
            return None
    if best is None or best.score < FAINT:
        return None
    second = max((each.score for each in candidates if each is not best), default=0.0)
    return best.encoding if best.score >= CLEAR * second else None


def detect_wide_encoding(content: bytes) -> str | None:
    """Return the UTF-16 or UTF-32 that a text with zero bytes is in; None for anything else."""
    import chardet

    found = chardet.detect(content[:SAMPLE_BYTES], compat_names=False)["encoding"]
    return found if found in WIDE else None


def _sample(content: bytes) -> bytes:
    """Collect the pieces that hold other bytes than ASCII's, one a line."""
    pieces, size, place = [], 0, 0
    while size < SAMPLE_BYTES and (high := HIGH.search(content, place)):
        lead = LEAD.search(content[max(place, high.start() - LONGEST_LEAD) : high.start()])
        rest = REST.match(content, high.start(), high.start() + SAMPLE_BYTES)
        piece = (lead[0] if lead else b"") + (rest[0] if rest else b"")
        pieces.append(piece)
        size, place = size + len(piece) + 1, rest.end() if rest else high.end()
    return b"\n".join(pieces)


def _decode_sample(sample: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)  # its end may be cut off
    except UnicodeDecodeError:
        return None


def _find_candidates(sample: bytes, western: str | None) -> Iterator[_Candidate]:
    """Yield what the sample may be in, once for each text; the Western one under its usual name."""
    # Imported where it is needed: most texts are UTF-8, and each is read in a new process.
    import chardet

    seen: set[str] = set()
    for found in chardet.detect_all(
        sample, ignore_threshold=True, include_encodings=ENCODINGS, compat_names=False
    ):
        encoding = found["encoding"]
        text = _decode_sample(sample, encoding) if encoding else None
        if encoding is None or text is None or text in seen:
            continue
        seen.add(text)
        if text == western:
            yield _Candidate(WESTERN, found["confidence"])
        elif _is_possible(text):
            yield _Candidate(codecs.lookup(encoding).name, found["confidence"])


def _is_western(text: str) -> bool:
    words = [word for word in LETTERS.findall(text) if len(word) > 1 and not word.isascii()]
    letters, foreign = sum(map(len, words)), sum(len(FOREIGN.findall(word)) for word in words)
    return foreign <= MOST_FOREIGN * letters and _is_possible(text)


def _is_possible(text: str) -> bool:
    words = [word for word in text.split() if not word.isascii()]
    return not GARBAGE.search(text) and sum(map(_is_odd, words)) <= MOST_ODD * len(words)


def _is_odd(word: str) -> bool:
    """Tell whether a word has signs or another script in it, or a capital after a small letter."""
    return ODD.search(word) is not None or any(
        left.islower() and right.isupper() and not right.isascii() for left, right in pairwise(word)
    )
