"""Walk through XML that nobody vouches for: no document types, no entities, no endless depth."""

from collections.abc import Mapping
from typing import Final, NoReturn, Protocol
from xml.parsers import expat

from activities.extraction.errors import Refusal

DEEPEST: Final = 512
PIECE_BYTES: Final = 1 << 20


class Visitor(Protocol):
    """Hear of elements as they come, by their names without namespaces."""

    def start(self, name: str, attributes: Mapping[str, str], path: list[str], /) -> None:
        """Begin an element; `path` names what it lies in, outermost first."""
        ...

    def end(self, name: str, path: list[str], /) -> None:
        """End an element."""
        ...

    def characters(self, text: str, /) -> None:
        """Take in text."""
        ...


def walk(content: bytes, visitor: Visitor) -> None:
    """Tell a visitor what a part holds.

    Raises:
        Refusal: `document_broken`; whatever the visitor refuses.
    """
    path: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = name.rpartition("}")[2]
        if len(path) >= DEEPEST:
            raise Refusal("document_broken", f"its elements nest deeper than {DEEPEST}")
        named = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        visitor.start(plain, named, path)
        path.append(plain)

    def end(_: str) -> None:
        visitor.end(path.pop(), path)

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = visitor.characters
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
