"""A bad pipeline is refused with a pointer to each of its mistakes."""

from uuid import UUID

import pytest

from backburner.pipelines import approval, chain, chord, group, job, map_, ref
from jobs.examining import examine
from jobs.pipeline import bounds
from tests.jobs.pipeline.kinds import KINDS, work

N = job("number", {"n": 1})
PAYLOAD = "job/payload"


def mistakes(tree, **more):
    payload = work(tree) | more
    found = examine(KINDS["pipeline"], payload, KINDS).mistakes
    return {each.pointer: each.detail for each in found}


def number(n, id=None):
    return job("number", {"n": n}, id=id)


def test_a_good_tree_has_no_mistakes():
    tree = chain(
        number(1, "one"),
        group(number(ref("one.n"), "a"), number(ref("input.start"), "b"), id="both"),
        map_(ref("both[].n"), chain(number(ref("item"), "x"), number(ref("x.n"))), id="each"),
        chord(
            number(2, "c"), number(3), then=number(ref("sum([group[0].n, c.n, a.n])")), id="last"
        ),
        approval("Go?", {"n": ref("last.n"), "all": ref("each[*].n")}, id="asked"),
        number(ref("asked.value.n")),
    )
    assert mistakes(tree) == {}


@pytest.mark.parametrize(
    ("tree", "pointer", "why"),
    [
        (job("nothing", {}), "/tree/job/type", "no job type 'nothing'"),
        (job("number", {}), "/tree/job/payload/n", "required"),
        (job("number", {"n": "x"}), "/tree/job/payload/n", "integer"),
        (job("number", {"n": 1, "m": ref("input")}), "/tree/job/payload/m", "Extra"),
        (job("number", {"n": 1}, options={"max_tries": 0}), "/tree/job/options/max_tries", "great"),
        ({}, "/tree", "exactly one of"),
        ({"job": {}, "chain": []}, "/tree", "exactly one of"),
        (chain(), "/tree/chain", "at least 1"),
        ({"chain": [5]}, "/tree/chain/0", "exactly one of"),
        (group(N, window=0), "/tree/window", "greater"),
        (group(N, window=201), "/tree/window", "less"),
        (group(N, on_failure={"min_success": 2}), "/tree/on_failure/min_success", "2 of 1"),
        (map_([1], N, on_failure={"min_success": 2}), "/tree/map/on_failure/min_success", "2 of 1"),
        ({"chain": [N], "on_failure": "sometimes"}, "/tree/on_failure", "fail_fast"),
        (map_([0] * 10_001, N), "/tree/map/over", "10,001 items"),
        ({"map": {"over": {"$from": 5}, "do": N}}, "/tree/map/over/$from", "text"),
        (chain(number(1, "a"), number(2, "a")), "/tree/chain/1/job/id", "taken by /tree/chain/0"),
        (number(1, "input"), "/tree/job/id", "taken by the payload"),
        (number(1, "not an id"), "/tree/job/id", "pattern"),
        (chain(number(1, "item"), map_([1], N)), "/tree/chain/1/map/as", "taken"),
        (map_([1], map_([2], N)), "/tree/map/do/map/as", "taken"),
        (number(ref("b.n")), f"/tree/{PAYLOAD}/n/$from", "nothing is called 'b'"),
        (number(ref("input.x +")), f"/tree/{PAYLOAD}/n/$from", "not JMESPath"),
        (number({"$from": "input", "else": 1}), f"/tree/{PAYLOAD}/n", "nothing else"),
        (approval("Go?", [ref("x")]), "/tree/approval/show/0/$from", "nothing is called 'x'"),
        (approval("", None), "/tree/approval/title", "at least 1"),
        (approval("Go?", default="approve"), "/tree/approval", "after timeout_seconds"),
    ],
)
def test_a_mistake_is_found_where_it_is(tree, pointer, why):
    found = mistakes(tree)
    assert set(found) == {pointer}
    assert why in found[pointer]


def test_a_reference_cannot_look_ahead_beside_or_into_a_map():
    tree = chain(
        number(ref("later.n")),
        group(number(1, "left"), number(ref("left.n"))),
        map_([1], number(1, "inside")),
        number(ref("inside.n"), "later"),
        number(ref("item")),
    )
    found = mistakes(tree)
    assert set(found) == {
        f"/tree/chain/0/{PAYLOAD}/n/$from",
        f"/tree/chain/1/group/1/{PAYLOAD}/n/$from",
        f"/tree/chain/3/{PAYLOAD}/n/$from",
        f"/tree/chain/4/{PAYLOAD}/n/$from",
    }
    assert "does not end before" in found[f"/tree/chain/0/{PAYLOAD}/n/$from"]
    assert "does not end before" in found[f"/tree/chain/1/group/1/{PAYLOAD}/n/$from"]
    assert "inside of a map" in found[f"/tree/chain/3/{PAYLOAD}/n/$from"]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("t.txet", "no 'txet'; there is points, text"),
        ("ts[].pionts[]", "no 'pionts'"),
        ("ts[?tetx].text", "no 'tetx'"),
        ("length(t.txt)", "no 'txt'"),
    ],
)
def test_a_path_to_a_field_that_the_schema_does_not_have_is_found(expression, why):
    text = job("text", {"text": "x"}, id="t")
    tree = chain(text, map_([1, 2], job("text", {"text": "y"}), id="ts"), number(ref(expression)))
    [(pointer, detail)] = mistakes(tree).items()
    assert pointer == f"/tree/chain/2/{PAYLOAD}/n/$from"
    assert why in detail


def test_a_map_over_what_is_no_list_is_found():
    tree = chain(job("text", {"text": "x"}, id="t"), map_(ref("t.text"), N))
    assert "this is string" in mistakes(tree)["/tree/chain/1/map/over"]


def test_all_mistakes_are_told_at_once():
    tree = chain(
        job("nothing", {"n": ref("nobody")}),
        {"what": 1},
        job("number", {"n": [], "label": ref("nobody")}),
        group(N, window=-1),
    )
    assert set(mistakes(tree)) == {
        "/tree/chain/0/job/type",
        "/tree/chain/0/job/payload/n/$from",
        "/tree/chain/1",
        "/tree/chain/2/job/payload/n",
        "/tree/chain/2/job/payload/label/$from",
        "/tree/chain/3/window",
    }


def test_what_stands_beside_a_reference_is_checked_all_the_same():
    tree = job("text", {"parts": [ref("input.a"), 5], "sources": ref("input.b")})
    assert set(mistakes(tree)) == {f"/tree/{PAYLOAD}/text", f"/tree/{PAYLOAD}/parts/1"}


def test_a_payload_may_be_a_reference_as_a_whole():
    assert mistakes(map_(ref("input"), {"job": {"type": "number", "payload": ref("item")}})) == {}


def test_the_documents_of_all_nodes_are_found():
    ids = [UUID(int=1), UUID(int=2)]
    tree = chain(*(job("text", {"text": "x", "sources": [str(each)]}) for each in ids))
    found = examine(KINDS["pipeline"], work(tree), KINDS).documents
    assert found == [
        (f"/tree/chain/{index}/{PAYLOAD}/sources/0", each) for index, each in enumerate(ids)
    ]


def test_a_pipeline_inside_a_pipeline_is_checked_with_references_of_its_own():
    inner = {
        "tree": chain(number(ref("input"), "a"), number(ref("outer.n")), job("nothing", {})),
        "input": ref("outer.m"),
    }
    found = mistakes(chain(number(1, "outer"), job("pipeline", inner)))
    at = f"/tree/chain/1/{PAYLOAD}"
    assert set(found) == {
        f"{at}/input/$from",
        f"{at}/tree/chain/1/{PAYLOAD}/n/$from",
        f"{at}/tree/chain/2/job/type",
    }


def test_results_given_beforehand_can_be_referred_to():
    assert mistakes(number(ref("before.n")), given={"before": {"n": 1}}) == {}
    found = mistakes(number(1, "before"), given={"before": {"n": 1}})
    assert set(found) == {"/tree/job/id"}


def test_a_tree_is_bounded_in_nodes_depth_and_bytes(monkeypatch):
    many = chain(*[N] * bounds.MAX_NODES)
    assert "501 nodes" in mistakes(many)["/tree"]
    deep = N
    for _ in range(bounds.MAX_DEPTH):
        deep = chain(deep)
    assert "deeper than 12" in mistakes(deep)["/tree" + "/chain/0" * bounds.MAX_DEPTH]
    large = job("number", {"n": 1, "label": "x" * bounds.MAX_TREE_BYTES})
    assert "bytes" in mistakes(large)["/tree"]


@pytest.mark.parametrize("payload", [None, 5, [], {}, {"tree": None}, {"tree": {"chain": 5}}])
def test_nonsense_is_refused_and_nothing_breaks(payload):
    assert examine(KINDS["pipeline"], payload, KINDS).mistakes
