"""Open the archive that an Office document is, trusting nothing it says about itself.

Only parts that a reader asks for by name are unpacked, in memory, never to disk; archives within
are never opened. What a part claims to unpack to is checked before, and `zipfile` gives out no byte
more than claimed.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from activities.extraction.errors import Refusal

MOST_ENTRIES: Final = 2_000
MOST_BYTES: Final = 200_000_000
"""Of all parts that are read, unpacked."""

HIGHEST_RATIO: Final = 100
UNSUSPICIOUS_BYTES: Final = 1_000_000
"""Up to this size a part may be packed ever so well: short tables of blanks are."""

ENCRYPTED_FLAG: Final = 1
TROUBLE: Final = (
    BadZipFile,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What `zipfile` raises on damaged archives, found by feeding it with them."""


class Archive:
    """An open archive."""

    def __init__(self, file: ZipFile) -> None:
        self._file = file
        self._left = MOST_BYTES
        entries = file.infolist()
        if len(entries) > MOST_ENTRIES:
            raise Refusal("document_too_large", f"{len(entries):,} parts")
        if any(_leads_out(each.filename) for each in entries):
            raise Refusal("document_broken", "a part's name leads out of its archive")
        self._entries = {each.filename: each for each in entries}

    def read(self, name: str) -> bytes | None:
        """Unpack a part; None when there is no such part.

        Raises:
            Refusal: `document_encrypted`, `document_too_large` or `document_broken`.
        """
        entry = self._entries.get(name)
        if entry is None:
            return None
        self._check(entry)
        with refuse_broken_archives():
            return self._file.read(entry)

    def _check(self, entry: ZipInfo) -> None:
        if entry.flag_bits & ENCRYPTED_FLAG:
            raise Refusal("document_encrypted")
        if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise Refusal("document_broken", "it is packed in a way that Office does not know")
        self._left -= entry.file_size
        most = max(UNSUSPICIOUS_BYTES, HIGHEST_RATIO * entry.compress_size)
        if self._left < 0 or entry.file_size > most:
            size = f"{entry.compress_size:,} bytes unpack to {entry.file_size:,}"
            raise Refusal("document_too_large", size)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open the archive at a path.

    Raises:
        Refusal: `document_broken` or `document_too_large`.
    """
    with refuse_broken_archives():
        file = ZipFile(path)
    with file:
        yield Archive(file)


@contextmanager
def refuse_broken_archives() -> Iterator[None]:
    """Refuse what is no archive, or one cut off, with `document_broken`."""
    try:
        yield
    except TROUBLE as error:
        detail = "its archive is damaged, as after a broken upload"
        raise Refusal("document_broken", detail) from error


def _leads_out(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
