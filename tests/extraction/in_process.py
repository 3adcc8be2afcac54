"""Reads as the child process does, in this process: starting one takes longer than most documents.

That both give the same is shown once for each kind, in `test_child.py`.
"""

from pathlib import Path

import anyio

from activities.extraction.child_process import extract_document
from activities.extraction.errors import Refusal
from activities.extraction.extract import DEFAULT_LIMITS, ExtractedText, extract, to_failure


async def read_here(path: Path, name: str) -> ExtractedText:
    """Read a document in this process; a PDF in a child, as its library may crash."""
    if b"%PDF" in await anyio.Path(path).read_bytes():
        return await extract(path, name=name)
    limits = {"pages": DEFAULT_LIMITS.pages, "characters": DEFAULT_LIMITS.characters}
    try:
        header, text = extract_document({"path": str(path), "name": name, **limits})
    except Refusal as refusal:
        raise to_failure(refusal, name) from None
    return ExtractedText(text=text, characters=len(text), **header)
