"""Documents that cannot be read: each gets its own error, which names it."""

from pathlib import Path
from zipfile import ZIP_STORED

import pytest

from jobs.errors import (
    DocumentBroken,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentFailure,
    DocumentHasNoText,
    DocumentUnsupported,
)
from tests.extraction.documents import (
    blank_pdf,
    encrypted_pdf,
    pageless_pdf,
    scanned_pdf,
    written_pdf,
)
from tests.extraction.in_process import read_here
from tests.extraction.office import docx, package, paragraph, relationships, zipped

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600_000)
PICTURE = '<w:p><w:r><w:drawing><a:blip xmlns:a="a"/></w:drawing></w:r></w:p>'
TYPES = {"[Content_Types].xml": ""}


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


BAD: dict[str, tuple[bytes, type[DocumentFailure], str]] = {
    "no bytes": (b"", DocumentEmpty, "no bytes"),
    "only blanks": (b" \r\n\t\n", DocumentEmpty, "nothing to read"),
    "only a byte order mark": (b"\xef\xbb\xbf", DocumentEmpty, "nothing to read"),
    "a blank page": (blank_pdf(), DocumentEmpty, "nothing to read"),
    "no pages": (pageless_pdf(), DocumentEmpty, "no pages"),
    "a password": (encrypted_pdf("sesame"), DocumentEncrypted, "password"),
    "scanned pages": (scanned_pdf(3), DocumentHasNoText, "pictures"),
    "a cut off PDF": (cut(written_pdf("One.", "Two.")), DocumentBroken, "its end is missing"),
    "a PDF of junk": (b"%PDF-1.7\n" + b"junk " * 99 + b"%%EOF", DocumentBroken, "structure"),
    "zero bytes": (bytes(1000), DocumentBroken, "zero bytes"),
    "half a UTF-16 letter": (b"\xff\xfea\x00b", DocumentBroken, "utf-16"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), DocumentUnsupported, "PNG"),
    "an archive": (zipped({"word/document.xml": ""}), DocumentUnsupported, "ZIP"),
    "a workbook": (zipped({**TYPES, "xl/workbook.xml": ""}), DocumentUnsupported, "as CSV"),
    "slides": (zipped({**TYPES, "ppt/presentation.xml": ""}), DocumentUnsupported, "as PDF"),
    "a book": (
        zipped({"mimetype": "application/epub+zip"}, ZIP_STORED),
        DocumentUnsupported,
        "electronic book",
    ),
    "an old Word document": (OLE, DocumentUnsupported, "old Office"),
    "a Word document with a password": (
        OLE + "EncryptedPackage".encode("utf-16-le") + bytes(600_000),
        DocumentEncrypted,
        "password",
    ),
    "a Word document without words": (docx(paragraph(" ")), DocumentEmpty, "nothing to read"),
    "a Word document of scans": (docx(PICTURE), DocumentHasNoText, "pictures"),
    "a cut off Word document": (cut(docx(paragraph("Hi"))), DocumentBroken, "broken upload"),
    "a Word document without its text": (
        zipped({**TYPES, "word/a": "", "_rels/.rels": relationships({})}),
        DocumentBroken,
        "where its text is",
    ),
    "a Word document with a missing part": (
        zipped({**TYPES, "word/a": "", "_rels/.rels": relationships({"officeDocument": "b"})}),
        DocumentBroken,
        "missing",
    ),
    "a Word document of junk": (package("<w:junk"), DocumentBroken, "XML"),
    "a program": (b"MZ\x90\x00" + bytes(99), DocumentUnsupported, "program"),
    "a web page without words": (b"\n<!DOCTYPE html>\n<html>", DocumentEmpty, "nothing to read"),
    "text with zero bytes": (b"abc\x00def", DocumentUnsupported, "binary"),
    "unknown binary": (b"\x01\x02\xfe\xff\x03", DocumentUnsupported, "it is binary; PDF, DOCX"),
    "unknown letters": (b"caf\x81\x8d", DocumentUnsupported, "encoding"),
    "a word in an encoding that cannot be told": (
        "Łódź".encode("cp1250"),
        DocumentUnsupported,
        "save it as UTF-8",
    ),
}


@pytest.mark.parametrize(("content", "error", "reason"), BAD.values(), ids=BAD.keys())
async def test_a_bad_document_is_refused(tmp_path: Path, content, error, reason):
    path = tmp_path / "stored"
    path.write_bytes(content)
    with pytest.raises(error, match=reason) as caught:
        await read_here(path, "ours.pdf")
    assert "'ours.pdf'" in caught.value.detail
    assert caught.value.advice
