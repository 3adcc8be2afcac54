"""References in JSON: an object whose only member is `$from` stands for a value found later.

A reference stands where the value will stand, never inside a text: texts are not searched, so that
a document that happens to contain `$from` stays what it is. JMESPath's own `join('', [a, b])` makes
texts of pieces.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jobs.pipeline.expressions import evaluate, parse
from jobs.pointers import Path, along

FROM = "$from"


def is_reference(value: Any) -> bool:
    """Tell whether a JSON value is meant as a reference, well written or not."""
    return isinstance(value, Mapping) and FROM in value


def find(value: Any, at: str = "", *, leaving: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every reference in a JSON value with the pointer to it.

    Args:
        value: JSON.
        at: Pointer to the value.
        leaving: Members of the outermost object that are not searched: their references are for
            somebody else.
    """
    for path, reference in _find(value, (), leaving):
        yield along(path, at), reference


def resolve(
    value: Any, values: Mapping[str, Any], at: str = "", *, leaving: Collection[str] = ()
) -> Any:
    """Return the JSON value with what its references stand for in their place.

    What a reference brings is not searched again: results are data.

    Raises:
        ReferenceBroken: One of them cannot be evaluated.
    """
    try:
        return _resolved(value, values, (), leaving)
    except _Broken as error:
        raise ReferenceBroken(along(error.path, at), str(error)) from None


class ReferenceBroken(ValueError):
    """A reference cannot be evaluated.

    Attributes:
        pointer: Where it stands.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class _Broken(ValueError):
    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(detail)
        self.path = path


def _find(value: Any, path: Path, leaving: Collection[str]) -> Iterator[tuple[Path, Any]]:
    if is_reference(value):
        yield path, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in leaving:
                yield from _find(each, (*path, name), ())
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _find(each, (*path, index), ())


def _resolved(value: Any, values: Mapping[str, Any], path: Path, leaving: Collection[str]) -> Any:
    if is_reference(value):
        return _found(value[FROM], values, path)
    if isinstance(value, Mapping):
        return {
            name: each if name in leaving else _resolved(each, values, (*path, name), ())
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_resolved(each, values, (*path, index), ()) for index, each in enumerate(value)]
    return value


def _found(text: Any, values: Mapping[str, Any], path: Path) -> Any:
    try:
        return evaluate(parse(text), values)
    except ValueError as error:
        raise _Broken(path, f"{text}: {error}") from None
