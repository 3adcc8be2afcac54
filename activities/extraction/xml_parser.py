"""Parse untrusted XML as a stream of events: no document types, no entities, limited depth."""

from collections.abc import Callable, Mapping
from typing import Final, NoReturn
from xml.parsers import expat

from activities.extraction.errors import Refusal

DEEPEST: Final = 512
PIECE_BYTES: Final = 1 << 20


Start = Callable[[str, Mapping[str, str], list[str]], None]
"""Begin an element: its name and attributes, without namespaces, and what it lies in, outermost
first."""

End = Callable[[str, list[str]], None]
"""End an element."""

Characters = Callable[[str], None]
"""Take in text."""


def parse_xml(
    content: bytes, start: Start, *, end: End | None = None, characters: Characters | None = None
) -> None:
    """Call the listeners for each element and text, in order.

    Raises:
        Refusal: `document_broken`; whatever the listeners refuse.
    """
    path: list[str] = []

    def begin_element(name: str, attributes: dict[str, str]) -> None:
        plain = name.rpartition("}")[2]
        if len(path) >= DEEPEST:
            raise Refusal("document_broken", f"its elements nest deeper than {DEEPEST}")
        named = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        start(plain, named, path)
        path.append(plain)

    def end_element(_: str) -> None:
        name = path.pop()
        if end is not None:
            end(name, path)

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = begin_element, end_element
    parser.CharacterDataHandler = characters
    # Entities can only be declared there: they inflate, and they name files and addresses.
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        for first in range(0, len(content), PIECE_BYTES):
            parser.Parse(content[first : first + PIECE_BYTES], False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter from its encoding
        raise Refusal("document_broken", "its XML cannot be read") from error


def _refuse_doctype(*_: object) -> NoReturn:
    raise Refusal("document_broken", "its XML declares a document type, which Office never does")
