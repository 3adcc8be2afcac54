"""Read PDF with PDFium; pypdf gives a second opinion on what PDFium will not open."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

from activities.extraction.errors import Refusal
from activities.extraction.limits import ExtractionLimits
from activities.extraction.reader_result import ReaderResult

# Readers look for the end mark in the last 1 KiB; some servers append a little of their own.
TAIL_BYTES: Final = 4096
LOCKED: Final = frozenset({pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY})
PAGE_BREAK: Final = "\n\n"

# PDFium writes this where a word was hyphenated at the end of a line.
HYPHENATION: Final = "\x02"


def read(path: Path, limits: ExtractionLimits) -> ReaderResult:
    """Read the visible text of every page, pages apart by an empty line."""
    _refuse_cut_off(path)
    with closing(_open(path)) as document:
        pages = len(document)
        _check_pages(pages, limits)
        texts, pictures = _read_pages(document, limits)
    if not any(texts):
        raise Refusal("document_has_no_text" if pictures else "document_empty")
    text = PAGE_BREAK.join(text for text in texts if text)
    return ReaderResult(text=text, pages=pages, pages_without_text=pictures)


def _refuse_cut_off(path: Path) -> None:
    """Refuse a file without its end: PDFium would mend it and silently read a part."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        if b"%%EOF" not in file.read():
            raise Refusal("document_broken", "its end is missing, as after a broken upload")


def _open(path: Path) -> Any:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in LOCKED
        raise (Refusal("document_encrypted") if locked else _second_opinion(path)) from error


def _second_opinion(path: Path) -> Refusal:
    """Ask pypdf, the more forgiving reader, what keeps PDFium from opening a file."""
    # Imported here because it costs more than PDFium itself and is rarely asked.
    from pypdf import PdfReader

    try:
        reader = PdfReader(path)
        if reader.is_encrypted:
            return Refusal("document_encrypted")
        if not reader.pages:
            return Refusal("document_empty", "it has no pages")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001, S110 - pypdf raises whatever its parser trips over: broken
        pass
    return Refusal("document_broken", "its structure cannot be read")


def _check_pages(pages: int, limits: ExtractionLimits) -> None:
    if not pages:
        raise Refusal("document_empty", "it has no pages")
    if pages > limits.pages:
        raise Refusal("document_too_large", f"{pages:,} pages, {limits.pages:,} are allowed")


def _read_pages(document: Any, limits: ExtractionLimits) -> tuple[list[str], int]:
    """Return the text of each page, and how many pages show something but hold no text."""
    texts: list[str] = []
    pictures = total = 0
    for text, shows_something in _pages(document, limits):
        texts.append(text)
        total += len(text)
        pictures += shows_something and not text
        if total > limits.characters:
            raise Refusal("document_too_large", f"more than {limits.characters:,} characters")
    return texts, pictures


def _pages(document: Any, limits: ExtractionLimits) -> Iterator[tuple[str, bool]]:
    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as page, closing(page.get_textpage()) as letters:
                if letters.count_chars() > limits.characters:
                    raise Refusal("document_too_large", f"on page {number:,} alone")
                # The bounded call knows all of Unicode and leaves out what lies beside the page.
                text = letters.get_text_bounded().replace(HYPHENATION, "").strip()
                yield text, any(True for _ in page.get_objects(max_depth=1))
        except pypdfium2.PdfiumError as error:
            raise Refusal("document_broken", f"page {number:,} cannot be read") from error
