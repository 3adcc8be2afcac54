"""A check costs as much as there is to check: the gateway does nothing else meanwhile."""

import sys
from uuid import UUID

import pytest

from backburner.pipelines import approval, chain, job, ref
from jobs.examining import examine
from jobs.mistakes import MOST_MISTAKES, Checked, Mistake
from jobs.values import DocumentId
from tests.jobs.pipeline.kinds import KINDS, work


def checked(tree, **more):
    return examine(KINDS["pipeline"], work(tree) | more, KINDS)


def calls(tree, **more) -> int:
    """Count the functions called by a check: unlike seconds, they are the same on every machine."""
    counted = 0

    def count(*_):
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        checked(tree, **more)
    finally:
        sys.setprofile(None)
    return counted


def documents(nodes):
    ids = [str(UUID(int=each)) for each in range(50)]
    return chain(*(job("text", {"text": "x", "sources": ids}) for _ in range(nodes)))


def unknown_fields(fields):
    return job("number", {"n": 1} | {f"x{each}": ref("input") for each in range(fields)})


def doubtful_fields(fields):
    return job("text", {"text": "x", "parts": [ref("input") for _ in range(fields)]})


TREES = {
    "documents": (documents, 40),
    "fields nobody knows": (unknown_fields, 500),
    "values nobody knows": (doubtful_fields, 500),
    "references to nothing": (lambda n: approval("Go?", [ref("nobody")] * n), 500),
    "wrong types": (lambda n: job("text", {"text": "x", "parts": [5] * n}), 500),
}


@pytest.mark.parametrize("case", TREES)
def test_twice_as_much_takes_at_most_twice_the_work(case):
    tree, size = TREES[case]
    calls(tree(size))  # what is remembered, like parsed expressions, is remembered from here on
    assert calls(tree(2 * size)) < 2.2 * calls(tree(size))


def test_names_given_beforehand_are_not_copied_for_each_node(monkeypatch):
    seen = []
    monkeypatch.setattr("jobs.pipeline.checking.shape_of", lambda _, names: seen.append(names))
    tree = chain(*(job("number", {"n": ref("input.n")}, id=f"n{each}") for each in range(3)))
    checked(tree, given={"before": 1})
    assert len({id(names.maps[-1]) for names in seen}) == 1


@pytest.mark.parametrize(
    "tree",
    [
        approval("Go?", [ref("nobody")] * 1000),
        unknown_fields(1000),
        job("text", {"text": "x", "parts": [5] * 1000}),
        chain(*[job("nothing", {})] * 400),
    ],
    ids=["references", "fields", "types", "nodes"],
)
def test_looking_ends_with_the_first_mistake_that_is_too_many(tree):
    assert len(checked(tree).mistakes) == MOST_MISTAKES + 1


def test_pointers_are_made_only_of_what_is_told(monkeypatch):
    joined = []
    monkeypatch.setattr("jobs.pointers.join", lambda *each: joined.extend(each))
    assert not checked(approval("Go?", {"long" * 100: [0] * 1000})).mistakes
    assert joined == []


def test_whoever_uses_a_name_that_does_not_exist_is_told_a_few_that_do():
    given = {f"g{each}": 1 for each in range(1000)} | {"x" * 100_000: 1}
    found = checked(approval("Go?", ref("nobody")), given=given).mistakes
    [detail] = [each.detail for each in found if each.pointer.endswith("$from")]
    assert "there is" in detail
    assert detail.endswith(" and more")
    assert len(detail) < 2000


def test_findings_are_kept_once_and_in_order():
    mistakes = [Mistake("/b", "wrong"), Mistake("/a", "wrong")]
    named = [("/d", DocumentId(UUID(int=1))), ("/c", DocumentId(UUID(int=2)))]
    found = Checked(mistakes * 2, named * 2)
    found.take(Checked([Mistake("/a", "missing"), *mistakes], named))
    assert found.mistakes == [*mistakes, Mistake("/a", "missing")]
    assert found.documents == named
