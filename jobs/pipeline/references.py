"""References in JSON: an object whose only member is `$from` stands for a value found later.

A reference stands where the value will stand, never inside a text: texts are not searched, so that
a document that happens to contain `$from` stays what it is. JMESPath's own `join('', [a, b])` makes
texts of pieces.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jobs.pipeline.expressions import evaluate, parse
from jobs.pointers import join

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
    if is_reference(value):
        yield at, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in leaving:
                yield from find(each, join(at, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from find(each, join(at, index))


def resolve(
    value: Any, values: Mapping[str, Any], at: str = "", *, leaving: Collection[str] = ()
) -> Any:
    """Return the JSON value with what its references stand for in their place.

    What a reference brings is not searched again: results are data.

    Raises:
        ReferenceBroken: One of them cannot be evaluated.
    """
    if is_reference(value):
        return _found(value[FROM], values, at)
    if isinstance(value, Mapping):
        return {
            name: each if name in leaving else resolve(each, values, join(at, name))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [resolve(each, values, join(at, index)) for index, each in enumerate(value)]
    return value


class ReferenceBroken(ValueError):
    """A reference cannot be evaluated.

    Attributes:
        pointer: Where it stands.
    """

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


def _found(text: Any, values: Mapping[str, Any], at: str) -> Any:
    try:
        return evaluate(parse(text), values)
    except ValueError as error:
        raise ReferenceBroken(at, f"{text}: {error}") from None
