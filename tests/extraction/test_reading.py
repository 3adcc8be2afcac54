"""What comes out of documents that can be read."""

from pathlib import Path

import pytest

from activities.extraction.extract import ExtractedText
from tests.extraction.documents import encrypted_pdf, half_scanned_pdf, written_pdf
from tests.extraction.in_process import read_here

EVERY_SCRIPT = "Größe naïve Łódź Ελλάδα Привет 漢字かな 한국어 🦊👍"


@pytest.fixture
def extracted(tmp_path: Path):
    async def of(content: bytes, name: str) -> ExtractedText:
        path = tmp_path / "stored"
        path.write_bytes(content)
        return await read_here(path, name)

    return of


async def test_a_pdf_gives_its_pages_apart_by_an_empty_line(extracted):
    found = await extracted(written_pdf("One.", "Two."), "report.pdf")
    assert found.text == "One.\n\nTwo."
    assert (found.kind, found.pages, found.characters) == ("pdf", 2, 10)


async def test_a_pdf_keeps_every_script(extracted):
    found = await extracted(written_pdf(EVERY_SCRIPT), "scripts.pdf")
    assert found.text == EVERY_SCRIPT


async def test_a_pdf_is_recognised_whatever_it_is_called(extracted):
    found = await extracted(written_pdf("Hello."), "notes.txt")
    assert (found.kind, found.text) == ("pdf", "Hello.")


async def test_a_pdf_behind_junk_is_still_a_pdf(extracted):
    found = await extracted(b"\x00\xff junk\n" + written_pdf("Hello."), "report.pdf")
    assert found.text == "Hello."


async def test_a_pdf_that_opens_without_password_is_read(extracted):
    found = await extracted(encrypted_pdf(""), "report.pdf")
    assert found.text == "Secret."


async def test_scanned_pages_among_written_ones_are_counted(extracted):
    found = await extracted(half_scanned_pdf(), "half.pdf")
    assert (found.text, found.pages, found.pages_without_text) == ("Read me.", 2, 1)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"], ids=lambda name: f"in {name}"
)
async def test_text_keeps_every_script(extracted, encoding):
    found = await extracted(EVERY_SCRIPT.encode(encoding), "scripts.txt")
    assert (found.kind, found.text, found.pages) == ("text", EVERY_SCRIPT, None)


async def test_text_in_the_old_windows_encoding_is_read(extracted):
    found = await extracted("„Größe“: 5 €".encode("cp1252"), "alt.txt")
    assert found.text == "„Größe“: 5 €"


@pytest.mark.parametrize("name", ["README.md", "readme.MARKDOWN"])
async def test_markdown_is_told_from_text_by_its_name(extracted, name):
    found = await extracted(b"# Title\n", name)
    assert found.kind == "markdown"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"], ids=["windows", "old mac", "unix"])
async def test_line_ends_become_one_kind(extracted, end):
    found = await extracted(f"one{end}two{end}".encode(), "lines.txt")
    assert found.text == "one\ntwo\n"


async def test_control_characters_are_dropped(extracted):
    found = await extracted(b"\x1b[31mred\x1b[0m\x07\ttab\x1a", "log.txt")
    assert found.text == "[31mred[0m\ttab"


async def test_a_text_about_pdf_is_not_a_pdf(extracted):
    found = await extracted(b"A file begins with\n%PDF-1.7\n1 0 obj\n", "about.txt")
    assert found.kind == "text"
