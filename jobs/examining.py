"""Looking at a payload before its job is started: everything that is wrong, at once."""

from collections.abc import Collection, Mapping
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
    checked = Checked()
    model = job_type.input
    extra = model.model_config.get("extra", "forbid")
    try:
        valid: BaseModel = model.model_validate(payload, extra=extra)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        checked.add(_certain([_Told(each, payload) for each in found], holes))
    else:
        named = document_ids(valid, "")
        checked.documents.extend(each for each in named if not _touches(each[0], holes))
    if job_type.check is not None:
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

    def depends_on(self, hole: str) -> bool:
        """Tell whether this may be wrong only because the value in the hole is not known."""
        if self.pointer == hole:
            return self.kind != "extra_forbidden"
        if _lies_in(self.pointer, hole):
            return True
        return self.kind in DEPENDS_ON_CONTENT and _lies_in(hole, self.pointer)


def _certain(told: list[_Told], holes: Collection[str]) -> list[Mistake]:
    doubtful = [each for each in told if any(each.depends_on(hole) for hole in holes)]
    unions = {place for each in doubtful for place in each.unions}
    return [
        Mistake(each.pointer, each.detail)
        for each in told
        if each not in doubtful and unions.isdisjoint(each.unions)
    ]


def _touches(pointer: str, holes: Collection[str]) -> bool:
    return any(_lies_in(pointer, hole) for hole in holes)


def _lies_in(pointer: str, place: str) -> bool:
    """Tell whether a pointer is at or below a place."""
    return pointer == place or pointer.startswith(f"{place}/")
