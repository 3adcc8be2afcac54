"""The table of readers.

A new kind is a module with `read`, a line here, and what tells it from others in `jobs/kinds.py`.
"""

from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from activities.extraction.limits import ExtractionLimits
from activities.extraction.reader_result import ReaderResult
from jobs.kinds import Kind


class Reader(Protocol):
    """Read one kind of document; refuse with `Refusal` what cannot be read."""

    def __call__(self, path: Path, limits: ExtractionLimits) -> ReaderResult:
        """Return the document's text."""
        ...


# Names, not functions: the child imports only the library its document needs.
READERS: Final[dict[Kind, str]] = {
    "pdf": "activities.extraction.pdf",
    "docx": "activities.extraction.docx",
    "html": "activities.extraction.html",
    "csv": "activities.extraction.tables",
    "markdown": "activities.extraction.plain_text",
    "text": "activities.extraction.plain_text",
}


def get_reader(kind: Kind) -> Reader:
    """Import and return the reader of a kind."""
    return cast(Reader, import_module(READERS[kind]).read)
