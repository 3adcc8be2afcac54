"""Everything that is wrong with a pipeline, found before anything starts.

It walks the JSON as it was sent, so that one mistake does not hide the others. What the models of
`tree` find by themselves (missing members, wrong types) is told beside this by the caller.
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from pydantic import BaseModel

from jobs.examining import examine
from jobs.fingerprints import canonical_json
from jobs.mistakes import Checked, Mistake
from jobs.pipeline.bounds import MAX_DEPTH, MAX_ITEMS, MAX_NODES, MAX_TREE_BYTES
from jobs.pipeline.expressions import BadExpression, parse
from jobs.pipeline.references import FROM, find, is_reference
from jobs.pipeline.scopes import INPUT, ROOT_NAME
from jobs.pipeline.shapes import NoSuchField, Shape, list_of, of_schema, shape_of
from jobs.pipeline.tree import kind_of
from jobs.pointers import join
from jobs.registry import JobType

Brought = dict[str, Shape | None]
"""What a node with an id, or those inside of it, can be referred to by."""

Names = ChainMap[str, Shape | None]
"""What can be referred to, the nearest first. In layers: copies for each node would add up."""

MOST_NAMED, LONGEST_NAME = 20, 64
"""Names told to somebody who used one that does not exist, and letters of each."""


def check(payload: Any, job_types: Mapping[str, JobType]) -> Checked:
    """Find what is wrong with the payload of a pipeline; its models are checked elsewhere."""
    if not isinstance(payload, Mapping) or not isinstance(payload.get("tree"), Mapping):
        return Checked()
    tree, at = payload["tree"], "/tree"
    if (size := len(canonical_json(tree).encode(errors="replace"))) > MAX_TREE_BYTES:
        detail = f"{size:,} bytes; a tree may have {MAX_TREE_BYTES:,}"
        return Checked([Mistake(at, detail)])
    nodes = list(_nodes(tree, at, 1))
    if too_large := _too_large(nodes):
        return Checked(too_large)
    given = payload.get("given")
    names: Names = ChainMap({INPUT: None})
    names.update(dict.fromkeys(given if isinstance(given, Mapping) else ()))
    checker = _Checker(job_types, _ids(nodes))
    checker.checked.add(_taken_twice(nodes, names.new_child({ROOT_NAME: None})))
    checker.node(tree, at, names)
    return checker.checked


@dataclass(frozen=True)
class _Place:
    """One node of the JSON.

    Attributes:
        body: What holds its members: the value of `job`, `chord`, `map` or `approval`, or the node.
        at: Pointer to the body.
    """

    kind: str | None
    body: Mapping[str, Any]
    at: str
    pointer: str
    depth: int
    in_map: bool = False


def _place(node: Any, pointer: str, depth: int = 0) -> _Place:
    kind = kind_of(node)
    if kind is None:
        return _Place(None, {}, pointer, pointer, depth)
    if kind in ("chain", "group"):
        return _Place(kind, node, pointer, pointer, depth)
    inner = node[kind]
    body = inner if isinstance(inner, Mapping) else {}
    return _Place(kind, body, f"{pointer}/{kind}", pointer, depth)


def _children(place: _Place) -> Iterator[tuple[Any, str]]:
    for member in ("chain", "group"):
        inside = place.body.get(member) if place.kind in (member, "chord") else None
        for index, each in enumerate(inside if isinstance(inside, list) else ()):
            yield each, f"{place.at}/{member}/{index}"
    for member in {"chord": ("then",), "map": ("do",)}.get(place.kind or "", ()):
        if member in place.body:
            yield place.body[member], f"{place.at}/{member}"


def _nodes(node: Any, pointer: str, depth: int, in_map: bool = False) -> Iterator[_Place]:
    place = replace(_place(node, pointer, depth), in_map=in_map)
    yield place
    if depth <= MAX_DEPTH:
        for child, at in _children(place):
            yield from _nodes(child, at, depth + 1, in_map or place.kind == "map")


def _too_large(nodes: list[_Place]) -> list[Mistake]:
    found = [
        Mistake(each.pointer, f"nested deeper than {MAX_DEPTH} levels")
        for each in nodes
        if each.depth > MAX_DEPTH
    ]
    if len(nodes) > MAX_NODES:
        found.append(Mistake("/tree", f"{len(nodes)} nodes; a tree may have {MAX_NODES}"))
    return found


def _ids(nodes: list[_Place]) -> dict[str, _Place]:
    named = [(each.body.get("id"), each) for each in reversed(nodes)]
    return {name: each for name, each in named if isinstance(name, str)}


def _taken_twice(nodes: list[_Place], reserved: Names) -> Iterator[Mistake]:
    """Find ids that are used before, or that mean something else."""
    first: dict[str, str] = dict.fromkeys(reserved, "the payload")
    for each in nodes:
        name = each.body.get("id")
        if not isinstance(name, str):
            continue
        if name in first:
            yield Mistake(f"{each.at}/id", f"the name {name!r} is taken by {first[name]}")
        first.setdefault(name, each.pointer)


@dataclass
class _Checker:
    """Walks a tree; every method returns the shape of a result and the names it brings about."""

    job_types: Mapping[str, JobType]
    ids: Mapping[str, _Place]
    checked: Checked = field(default_factory=Checked)

    def node(self, node: Any, pointer: str, names: Names) -> tuple[Shape | None, Brought]:
        """Check a node that sees these names."""
        place = _place(node, pointer)
        shape: Shape | None = None
        brought: Brought = {}
        if self.checked.is_full:
            return shape, brought
        match place.kind:
            case "job":
                shape = self.job(place, names)
            case "chain":
                shape, brought = self.chain(place, names)
            case "group":
                shape, brought = self.group(place, names)
            case "chord":
                shape, brought = self.chord(place, names)
            case "map":
                shape = self.map(place, names)
            case "approval":
                self.references(place.body.get("show"), f"{place.at}/show", names)
        name = place.body.get("id")
        return shape, {**brought, name: shape} if isinstance(name, str) else brought

    def job(self, place: _Place, names: Names) -> Shape | None:
        """Check a job: its type, its references, and its payload around them."""
        kind, payload, at = place.body.get("type"), place.body.get("payload", {}), place.at
        job_type = self.job_types.get(kind) if isinstance(kind, str) else None
        if job_type is None and isinstance(kind, str):
            self.mistake(f"{at}/type", f"no job type {kind!r}")
        leaving = job_type.own_references if job_type else ()
        holes = self.references(payload, f"{at}/payload", names, leaving=leaving)
        if job_type is None:
            return None
        if isinstance(payload, Mapping) and "" not in holes:
            found = examine(job_type, payload, self.job_types, holes=holes)
            self.checked.take(found.within(f"{at}/payload"))
        return _shape_of_output(job_type.output)

    def chain(self, place: _Place, names: Names) -> tuple[Shape | None, Brought]:
        """Check steps, each of which sees what those before it brought about."""
        shape: Shape | None = None
        brought: Brought = {}
        for child, at in _children(place):
            shape, more = self.node(child, at, names.new_child(brought))
            brought |= more
        return shape, brought

    def group(self, place: _Place, names: Names) -> tuple[Shape | None, Brought]:
        """Check members, which do not see one another."""
        members = [m for m in _children(place) if not m[1].endswith("/then")]
        self.min_success(place, len(members))
        shapes: list[Shape | None] = []
        brought: Brought = {}
        for child, at in members:
            shape, more = self.node(child, at, names)
            shapes.append(shape)
            brought |= more
        alike = shapes[0] if shapes and all(each == shapes[0] for each in shapes) else None
        return list_of(alike), brought

    def chord(self, place: _Place, names: Names) -> tuple[Shape | None, Brought]:
        """Check a group, and the node that sees its results."""
        results, brought = self.group(place, names)
        seen = names.new_child(brought)
        seen = seen.new_child({self.variable(place, "group", seen): results})
        shape, more = self.node(place.body.get("then"), f"{place.at}/then", seen)
        return shape, {**brought, **more}

    def map(self, place: _Place, names: Names) -> Shape | None:
        """Check a list and the node that runs for each of its items."""
        item = self.over(place, names)
        variable = self.variable(place, "item", names)
        # What lies inside has a result per item: its names end here.
        inside = names.new_child({variable: item})
        shape, _ = self.node(place.body.get("do"), f"{place.at}/do", inside)
        return list_of(shape)

    def over(self, place: _Place, names: Names) -> Shape | None:
        """Check what a map goes over; return the shape of an item."""
        over, at = place.body.get("over"), f"{place.at}/over"
        self.references(over, at, names)
        if isinstance(over, list):
            self.min_success(place, len(over))
            if len(over) > MAX_ITEMS:
                self.mistake(at, f"{len(over):,} items; a map may have {MAX_ITEMS:,}")
            return None
        found = self.shape(over, names)
        if found is not None and not found.is_list and found.kind is not None:
            self.mistake(at, f"a map goes over a list, and this is {found.kind}")
        return found.item() if found else None

    def variable(self, place: _Place, default: str, names: Names) -> str:
        """Check the name under which a map's item or a chord's results are found."""
        name = place.body.get("as", default)
        if not isinstance(name, str):
            return default
        if name in names or name in self.ids:
            free = "choose another one with `as`"
            self.mistake(f"{place.at}/as", f"the name {name!r} is taken: {free}")
        return name

    def min_success(self, place: _Place, members: int) -> None:
        """Check that enough members can succeed."""
        policy = place.body.get("on_failure")
        wanted = policy.get("min_success") if isinstance(policy, Mapping) else None
        if isinstance(wanted, int) and wanted > members:
            at = f"{place.at}/on_failure/min_success"
            self.mistake(at, f"{wanted} of {members} cannot succeed")

    def references(self, value: Any, at: str, names: Names, *, leaving: Any = ()) -> list[str]:
        """Check every reference in a value; return where they stand inside of it."""
        found = list(find(value, leaving=leaving))
        for place, reference in found:
            self.reference(reference, at + place, names)
        return [place for place, _ in found]

    def reference(self, reference: Mapping[str, Any], at: str, names: Names) -> None:
        """Check one reference."""
        if self.checked.is_full:
            return
        text = reference[FROM]
        if len(reference) > 1:
            self.mistake(at, f"a reference has {FROM!r} and nothing else")
        if not isinstance(text, str):
            self.mistake(join(at, FROM), "a JMESPath expression, as text")
            return
        try:
            expression = parse(text)
        except BadExpression as error:
            self.mistake(join(at, FROM), str(error))
            return
        unknown = sorted(each for each in expression.names if each not in names)
        for name in unknown:
            self.mistake(join(at, FROM), self.why_unseen(name, names))
        try:
            shape_of(expression, names)
        except NoSuchField as error:
            self.mistake(join(at, FROM), str(error))

    def shape(self, reference: Any, names: Names) -> Shape | None:
        """Return the shape of what a reference brings, if it is a good one."""
        text = reference[FROM] if is_reference(reference) else None
        try:
            return shape_of(parse(text), names) if isinstance(text, str) else None
        except (BadExpression, NoSuchField):
            return None

    def why_unseen(self, name: str, names: Names) -> str:
        """Say why a name cannot be used here."""
        node = self.ids.get(name)
        if node is None:
            return f"nothing is called {name!r} here; there is {_told(names)}"
        if node.in_map:
            return f"{name!r} lies inside of a map, at {node.pointer}: take the map's own result"
        return f"{name!r}, at {node.pointer}, does not end before this begins"

    def mistake(self, pointer: str, detail: str) -> None:
        """Note a mistake."""
        self.checked.add([Mistake(pointer, detail)])


def _told(names: Names) -> str:
    nearest = list(islice(chain.from_iterable(names.maps), MOST_NAMED + 1))
    more = " and more" if len(nearest) > MOST_NAMED else ""
    # Names beforehand may be anything yet, also megabytes long.
    return ", ".join(sorted(each[:LONGEST_NAME] for each in nearest[:MOST_NAMED])) + more


@lru_cache(maxsize=1_000)  # a schema takes a millisecond, and a tree may have it made 500 times
def _shape_of_output(output: type[BaseModel]) -> Shape:
    return of_schema(output.model_json_schema(mode="serialization"))
