"""Documents that cannot be read: each gets its own error, which names it."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from activities.extraction.extract import extract
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


def archive() -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("word/document.xml", "<w:document/>")
    return content.getvalue()


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
    "an archive": (archive(), DocumentUnsupported, "ZIP"),
    "a program": (b"MZ\x90\x00" + bytes(99), DocumentUnsupported, "program"),
    "a web page": (b"\n<!DOCTYPE html>\n<html>", DocumentUnsupported, "web page"),
    "text with zero bytes": (b"abc\x00def", DocumentUnsupported, "binary"),
    "unknown binary": (b"\x01\x02\xfe\xff\x03", DocumentUnsupported, "neither text nor a PDF"),
    "unknown letters": (b"caf\x81\x8d", DocumentUnsupported, "encoding"),
}


@pytest.mark.parametrize(("content", "error", "reason"), BAD.values(), ids=BAD.keys())
async def test_a_bad_document_is_refused(tmp_path: Path, content, error, reason):
    path = tmp_path / "stored"
    path.write_bytes(content)
    with pytest.raises(error, match=reason) as caught:
        await extract(path, name="ours.pdf")
    assert "'ours.pdf'" in caught.value.detail
    assert caught.value.advice
