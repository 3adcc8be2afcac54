"""What clients did and were told, in order: the evidence that the checker works from."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Diary:
    """A list of entries, each also written to a file at once, so that a failure can be read later.

    An operation is an `invoke` and later an `ok` or a `fail` with the same number; what has neither
    may or may not have happened.
    """

    file: Path
    entries: list[dict[str, Any]] = field(default_factory=list)

    def write(self, what: str, **more: Any) -> dict[str, Any]:
        """Add an entry."""
        entry = {"at": time.time(), "what": what, **more}
        self.entries.append(entry)
        with self.file.open("a") as lines:
            lines.write(json.dumps(entry) + "\n")
        return entry

    def of(self, what: str, **like: Any) -> Iterator[dict[str, Any]]:
        """Yield the entries of a kind that have these values."""
        for entry in self.entries:
            if entry["what"] == what and like.items() <= entry.items():
                yield entry
