"""The table of readers.

A new kind is a module with `read`, a line here, and what tells it from others in `jobs/kinds.py`.
"""

from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from activities.extraction.limits import ExtractionLimits
from activities.extraction.reading import Reading
from jobs.kinds import Kind


class Reader(Protocol):
    """Read one kind of document; refuse with `Refusal` what cannot be read."""

    def __call__(self, path: Path, limits: ExtractionLimits) -> Reading:
        """Return the document's text."""
        ...


# Names, not functions: the child imports only the library its document needs.
READERS: Final[dict[Kind, str]] = {
    "pdf": "activities.extraction.pdf",
    "docx": "activities.extraction.word",
    "html": "activities.extraction.web",
    "csv": "activities.extraction.tables",
    "markdown": "activities.extraction.plain",
    "text": "activities.extraction.plain",
}


def reader_of(kind: Kind) -> Reader:
    """Import and return the reader of a kind."""
    return cast(Reader, import_module(READERS[kind]).read)
