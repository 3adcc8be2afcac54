"""Looking at a payload before its job is started: everything that is wrong, at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from jobs.document_ids import document_ids
from jobs.mistakes import Checked, Mistake
from jobs.pointers import holds, join
from jobs.registry import JobType
from jobs.wording import said

DEPENDS_ON_CONTENT = frozenset({"value_error", "assertion_error"})
"""What a model's own validators say about a value, which may be due to an unknown part of it."""


def examine(
    job_type: JobType,
    payload: Any,
    job_types: Mapping[str, JobType],
    *,
    holes: Collection[str] = (),
) -> Checked:
    """Find what is wrong with a payload, and the documents it names.

    A member the model does not know is a mistake of the sender, unless the model says otherwise.

    Args:
        job_type: What the payload is for.
        payload: JSON.
        job_types: Every job type there is.
        holes: Pointers to values that are not known yet, in whose place something else stands:
            nothing is said that could depend on them.
    """
    checked, unknown = Checked(), _Holes(holes)
    model = job_type.input
    extra = model.model_config.get("extra", "forbid")
    try:
        valid: BaseModel = model.model_validate(payload, extra=extra)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        checked.add(_certain([_Told(each, payload) for each in found], unknown))
    else:
        named = document_ids(valid, "")
        checked.name(each for each in named if not unknown.hold(each[0]))
    if job_type.check is not None and not checked.is_full:
        checked.take(job_type.check(payload, job_types))
    return checked


class _Told:
    """One error of pydantic's.

    Attributes:
        unions: Where the location leaves the document to name a member of a union: what is said
            there depends on why the other members do not fit.
    """

    def __init__(self, error: Any, document: Any) -> None:
        self.kind: str = error["type"]
        self.detail = said(error)
        self.pointer, self.unions = "", set[str]()
        node, loc = document, error["loc"]
        for index, part in enumerate(loc):
            if holds(node, part):
                node = node[part]
            elif self.kind != "missing" or index < len(loc) - 1:
                self.unions.add(self.pointer)
                continue
            self.pointer = join(self.pointer, part)


class _Holes:
    """Pointers to unknown values, kept so that a look-up costs the same however many there are."""

    def __init__(self, holes: Iterable[str]) -> None:
        self._places = frozenset(holes)
        self._around = {place for hole in self._places for place in _enclosing(hole)}

    def hold(self, pointer: str) -> bool:
        """Tell whether a pointer is at or below a hole."""
        return any(place in self._places for place in _enclosing(pointer))

    def explain(self, told: _Told) -> bool:
        """Tell whether this may be wrong only because a value is not known."""
        if told.kind in DEPENDS_ON_CONTENT and told.pointer in self._around:
            return True
        if told.kind == "extra_forbidden" and told.pointer in self._places:
            return self.hold(_parent(told.pointer))
        return self.hold(told.pointer)


def _certain(told: list[_Told], holes: _Holes) -> Iterator[Mistake]:
    certain, unions = list[_Told](), set[str]()
    for each in told:
        if holes.explain(each):
            unions |= each.unions
        else:
            certain.append(each)
    for each in certain:
        if unions.isdisjoint(each.unions):
            yield Mistake(each.pointer, each.detail)


def _enclosing(pointer: str) -> Iterator[str]:
    """Yield a pointer, and those to everything around it."""
    yield pointer
    while pointer:
        pointer = _parent(pointer)
        yield pointer


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]
