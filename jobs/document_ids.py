"""Finds the documents a payload names, by the types its model declares."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args
from uuid import UUID

from pydantic import BaseModel, RootModel

from jobs.pointers import Path, along
from jobs.values import DocumentId


def document_ids(payload: BaseModel, base: str) -> Iterator[tuple[str, DocumentId]]:
    """Yield every id declared as a `DocumentId` in a payload, with the pointer to it."""
    for path, document in _of_model(payload, ()):
        yield along(path, base), document


def _of_model(payload: BaseModel, path: Path) -> Iterator[tuple[Path, DocumentId]]:
    if isinstance(payload, RootModel):
        annotation = type(payload).model_fields["root"].annotation
        yield from _within(annotation, payload.root, path)
        return
    for name, field in type(payload).model_fields.items():
        at = (*path, field.alias or name)
        yield from _within(field.annotation, getattr(payload, name), at)


def _within(annotation: Any, value: Any, path: Path) -> Iterator[tuple[Path, DocumentId]]:
    if isinstance(value, BaseModel):
        yield from _of_model(value, path)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(annotation, each, (*path, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _within(annotation, each, (*path, index))
    elif isinstance(value, UUID) and _mentions(annotation):
        yield path, DocumentId(value)


def _mentions(annotation: Any) -> bool:
    """Tell whether a type is `DocumentId`, or a container or union with it."""
    return annotation is DocumentId or any(_mentions(each) for each in get_args(annotation))
