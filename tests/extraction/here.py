"""Reading as the child does, without a child: starting one takes longer than most documents.

That both give the same is shown once for each kind, in `test_child.py`.
"""

from pathlib import Path

import anyio

from activities.extraction.child import _extract
from activities.extraction.errors import Refusal
from activities.extraction.extract import STANDARD, ExtractedText, _failure, extract


async def read_here(path: Path, name: str) -> ExtractedText:
    """Read a document in this process; a PDF in a child, as its library may crash."""
    if b"%PDF" in await anyio.Path(path).read_bytes():
        return await extract(path, name=name)
    limits = {"pages": STANDARD.pages, "characters": STANDARD.characters}
    try:
        header, text = _extract({"path": str(path), "name": name, **limits})
    except Refusal as refusal:
        raise _failure(refusal, name) from None
    return ExtractedText(text=text, characters=len(text), **header)
