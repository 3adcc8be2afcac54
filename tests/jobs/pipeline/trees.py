"""Random good pipelines, and what plain Python says they give. Shares no code with the interpreter.

All jobs are of type `number`: an integer in, an integer out, and some integers fail.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from backburner.pipelines import approval, chain, chord, group, job, map_, ref
from tests.jobs.pipeline.kinds import number

Draw = st.DrawFn
NUMBERS = st.one_of(st.integers(0, 40), st.just(13))


@dataclass
class Names:
    """What a place sees: expressions that give an integer or null, and the next free id."""

    integers: list[str] = field(default_factory=lambda: ["input.start"])
    lists: list[str] = field(default_factory=lambda: ["input.list"])
    counter: list[int] = field(default_factory=lambda: [0])

    def fresh(self) -> str:
        self.counter[0] += 1
        return f"n{self.counter[0]}"

    def inside(self, *more: str) -> "Names":
        return Names([*self.integers, *more], list(self.lists), self.counter)


@st.composite
def pipelines(draw: Draw) -> dict[str, Any]:
    tree = draw(nodes(Names(), 3))
    start, listed = draw(NUMBERS), draw(st.lists(NUMBERS, max_size=4))
    return {"tree": tree, "input": {"start": start, "list": listed}}


def nodes(names: Names, depth: int) -> st.SearchStrategy[Any]:
    makers = [leaf, asked] if depth == 0 else [leaf, asked, steps, members, joined, repeated]
    return st.sampled_from(makers).flatmap(lambda make: make(names, depth))


@st.composite
def leaf(draw: Draw, names: Names, depth: int) -> Any:
    identifier = draw(st.sampled_from([None, names.fresh()]))
    value = draw(st.one_of(NUMBERS, st.sampled_from(names.integers).map(ref)))
    if identifier:
        names.integers.append(f"{identifier}.n")
    return job("number", {"n": value}, id=identifier)


@st.composite
def asked(draw: Draw, names: Names, depth: int) -> Any:
    identifier = names.fresh()
    shown = {"n": ref(draw(st.sampled_from(names.integers)))}
    names.integers.append(f"{identifier}.value.n")
    return approval("Go?", shown, id=identifier)


def policies(size: int) -> st.SearchStrategy[Any]:
    some = st.integers(1, max(1, size)).map(lambda n: {"min_success": n})
    return st.one_of(st.sampled_from([None, "fail_fast", "continue"]), some)


@st.composite
def steps(draw: Draw, names: Names, depth: int) -> Any:
    inside = [draw(nodes(names, depth - 1)) for _ in range(draw(st.integers(1, 3)))]
    return chain(*inside, on_failure=draw(st.sampled_from([None, "fail_fast", "continue"])))


def side_by_side(draw: Draw, names: Names, depth: int) -> list[Any]:
    before, brought, made = list(names.integers), list[str](), list[Any]()
    lists_before, lists = list(names.lists), list[str]()
    for _ in range(draw(st.integers(1, 3))):
        names.integers[:], names.lists[:] = before, lists_before
        made.append(draw(nodes(names, depth - 1)))
        brought += names.integers[len(before) :]
        lists += names.lists[len(lists_before) :]
    names.integers[:], names.lists[:] = before + brought, lists_before + lists
    return made


@st.composite
def members(draw: Draw, names: Names, depth: int) -> Any:
    identifier = names.fresh()
    made = side_by_side(draw, names, depth)
    names.integers.append(f"length({identifier} || `[]`)")
    window = draw(st.sampled_from([None, 1, 2]))
    return group(*made, id=identifier, window=window, on_failure=draw(policies(len(made))))


@st.composite
def joined(draw: Draw, names: Names, depth: int) -> Any:
    variable = names.fresh()
    made = side_by_side(draw, names, depth)
    integers = list(names.integers)
    names.integers += [f"length({variable})", f"{variable}[0].n"]
    then = draw(nodes(names, depth - 1))
    names.integers[:] = integers + names.integers[len(integers) + 2 :]
    return chord(*made, then=then, variable=variable, on_failure=draw(policies(len(made))))


@st.composite
def repeated(draw: Draw, names: Names, depth: int) -> Any:
    identifier, variable = names.fresh(), names.fresh()
    over: Any = draw(st.one_of(st.lists(NUMBERS, max_size=3), st.sampled_from(names.lists)))
    do = draw(nodes(names.inside(variable), depth - 1))
    names.integers.append(f"length({identifier} || `[]`)")
    policy: Any = draw(st.sampled_from([None, "fail_fast", "continue", {"min_success": 1}]))
    if isinstance(over, list) and not over and isinstance(policy, dict):
        policy = None
    over = over if isinstance(over, list) else ref(over)
    return map_(over, do, variable=variable, id=identifier, on_failure=policy)


class Failed(Exception):
    """A node failed."""


def predicted(payload: dict[str, Any]) -> Any:
    """Return the result of a pipeline; `Failed` is raised when it fails."""
    return _node(payload["tree"], {"input": payload["input"]})


def _node(node: Any, env: dict[str, Any]) -> Any:
    [kind] = {"job", "chain", "group", "chord", "map", "approval"} & node.keys()
    body = node if kind in ("chain", "group") else node[kind]
    result = globals()[f"_{kind}"](body, env)
    if "id" in body:
        env[body["id"]] = result
    return result


def _job(body: Any, env: dict[str, Any]) -> Any:
    value = _value(body["payload"]["n"], env)
    if value is None or number(value) is None:
        raise Failed
    return {"n": number(value)}


def _approval(body: Any, env: dict[str, Any]) -> Any:
    return {
        "approved": True,
        "value": {"n": _value(body["show"]["n"], env)},
        "comment": None,
        "decided_by": "anna",
        "is_default": False,
    }


def _chain(body: Any, env: dict[str, Any]) -> Any:
    result = None
    for step in body["chain"]:
        try:
            result = _node(step, env)
        except Failed:
            if body.get("on_failure") != "continue":
                raise
            result = None
    return result


def _all(runs: list[Any], policy: Any) -> list[Any]:
    results, failures = [], 0
    for run in runs:
        try:
            results.append(run())
        except Failed:
            results.append(None)
            failures += 1
    allowed = len(runs) if policy == "continue" else 0
    if isinstance(policy, dict):
        allowed = len(runs) - policy["min_success"]
    if failures > allowed or allowed < 0:
        raise Failed
    return results


def _group(body: Any, env: dict[str, Any]) -> list[Any]:
    runs = [lambda each=each: _node(each, env) for each in body["group"]]
    return _all(runs, body.get("on_failure"))


def _chord(body: Any, env: dict[str, Any]) -> Any:
    env[body["as"]] = _group(body, env)
    try:
        return _node(body["then"], env)
    finally:
        del env[body["as"]]


def _map(body: Any, env: dict[str, Any]) -> list[Any]:
    over = body["over"] if isinstance(body["over"], list) else env["input"]["list"]
    runs = [lambda item=item: _node(body["do"], {**env, body["as"]: item}) for item in over]
    return _all(runs, body.get("on_failure"))


def _value(value: Any, env: dict[str, Any]) -> Any:
    """Look up the few kinds of expressions that the strategies write."""
    if not isinstance(value, dict):
        return value
    text: str = value["$from"]
    if text.startswith("length("):
        found = env.get(text.removeprefix("length(").removesuffix(")").partition(" ")[0])
        return len(found or [])
    name, *path = text.replace("[0]", ".0").split(".")
    found = env.get(name)
    for part in path:
        if part == "0":
            found = found[0] if isinstance(found, list) and found else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return found
