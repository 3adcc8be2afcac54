"""Detect which reader a document needs, or say why it has none."""

import mmap
from pathlib import Path
from typing import Final

from activities.extraction.errors import Refusal
from jobs.kinds import OLE_FILE, READABLE, Kind, recognise_file

ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
"""Where Office puts a document that needs a password: into an old container, under this name."""


def detect_kind(path: Path, name: str) -> Kind:
    """Name the kind of a document from its bytes.

    Whatever is not recognised counts as text; the text reader refuses what does not decode.

    Raises:
        Refusal: `document_empty` without bytes, `document_encrypted` for an Office document with a
            password, `document_unsupported` for a known kind without a reader.
    """
    with path.open("rb") as file:
        if not file.read(1):
            raise Refusal("document_empty", "the file has no bytes")
        recognised = recognise_file(file, name)
        if recognised is OLE_FILE:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if content.find(ENCRYPTED_PACKAGE) >= 0:
                    raise Refusal("document_encrypted")
    if recognised.kind is None:
        raise Refusal("document_unsupported", f"it is {recognised.what}; {READABLE} can be read")
    return recognised.kind
