"""What a pipeline does, run by a host without servers."""

import asyncio

import pytest

from backburner.pipelines import approval, chain, chord, group, job, map_, ref
from jobs.pipeline import mapping
from jobs.pipeline.board import NodeState
from jobs.pipeline.interpreter import Interpreter
from jobs.pipeline.scopes import NodeFailed
from jobs.pipeline.tree import PipelineInput
from tests.jobs.pipeline.kinds import UNLUCKY, FakeDecision, FakeHost, ran, work


def number(n, id=None):
    return job("number", {"n": n}, id=id)


def states(interpreter):
    return {each.node: each.state for each in interpreter.board.reports()}


async def failed(tree, input=None, host=None):
    interpreter = Interpreter(host or FakeHost(), PipelineInput.model_validate(work(tree, input)))
    with pytest.raises(NodeFailed) as caught:
        await interpreter.run()
    return caught.value, interpreter


async def test_a_chain_hands_results_on_and_ends_with_the_last():
    tree = chain(number(ref("input"), "a"), number(ref("a.n"), "b"))
    result, interpreter = await ran(tree, 1)
    assert result == {"n": 7}
    assert interpreter.results == {"a": {"n": 3}, "b": {"n": 7}}
    assert states(interpreter) == dict.fromkeys(["tree", "a", "b"], NodeState.SUCCEEDED)


async def test_a_group_gives_a_list_in_the_order_written():
    host = FakeHost()
    result, _ = await ran(group(number(1), number(2), number(4), window=2), host=host)
    assert result == [{"n": 3}, {"n": 5}, {"n": 9}]
    assert host.most_at_once == 2


async def test_a_chord_puts_the_results_of_its_group_together():
    tree = chord(number(1, "a"), number(2), then=number(ref("sum([sum(group[].n), a.n])")))
    assert (await ran(tree))[0] == {"n": 23}


async def test_chords_side_by_side_do_not_see_the_group_of_the_other():
    def of(n):
        return chord(number(n), number(n), then=number(ref("sum(group[].n)")))

    assert (await ran(group(of(1), of(2))))[0] == [{"n": 13}, {"n": 21}]


async def test_a_map_runs_its_node_for_every_item_in_its_window():
    host = FakeHost()
    do = chain(number(ref("row.n"), "x"), number(ref("sum([x.n, input.more])")))
    tree = map_(ref("input.rows"), do, variable="row", id="rows", window=3)
    result, interpreter = await ran(
        tree, {"rows": [{"n": n} for n in (0, 1, 2, 4)], "more": 100}, host
    )
    assert result == [{"n": 2 * (2 * n + 1 + 100) + 1} for n in (0, 1, 2, 4)]
    assert host.most_at_once == 3
    assert {"rows.0/x", "rows.3/x", "rows.3/chain/1"} <= set(states(interpreter))
    assert interpreter.results == {"rows": result}


async def test_a_map_over_nothing_gives_nothing():
    assert (await ran(map_([], number(1))))[0] == []


async def test_an_approval_gives_the_decision_and_what_to_go_on_with():
    host = FakeHost(FakeDecision(edits={"n": 5}, comment="better"))
    tree = chain(
        number(1, "a"), approval("Go?", {"n": ref("a.n")}, id="ok"), number(ref("ok.value.n"))
    )
    result, interpreter = await ran(tree, host=host)
    assert result == {"n": 11}
    assert interpreter.results["ok"] == {
        "approved": True,
        "value": {"n": 5},
        "comment": "better",
        "decided_by": "anna",
        "is_default": False,
    }


@pytest.mark.parametrize("on_reject", ["fail", "continue"])
async def test_a_rejection_fails_the_node_unless_it_may_go_on(on_reject):
    host = FakeHost(FakeDecision(approved=False, comment="no"))
    tree = approval("Go?", "this", on_reject=on_reject)
    if on_reject == "continue":
        assert (await ran(tree, host=host))[0]["approved"] is False
    else:
        error, _ = await failed(tree, host=host)
        assert (error.code, error.message) == ("approval_rejected", "no")


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (FakeDecision(approved=False), "anna rejected it without a comment"),
        (
            FakeDecision(approved=False, decided_by=None, is_default=True),
            "nobody decided in time, which counts as a rejection here",
        ),
    ],
    ids=["no_comment", "nobody"],
)
async def test_a_rejection_without_a_comment_says_how_it_came_about(decision, why):
    error, _ = await failed(approval("Go?", "this"), host=FakeHost(decision))
    assert (error.code, error.message) == ("approval_rejected", why)


async def test_the_first_failure_ends_a_chain():
    tree = chain(number(UNLUCKY, "bad"), group(number(1, "x"), number(2, "y")))
    error, interpreter = await failed(tree)
    assert (error.node, error.code) == ("bad", "unlucky")
    assert states(interpreter) == {
        "tree": NodeState.FAILED,
        "bad": NodeState.FAILED,
        "chain/1": NodeState.SKIPPED,
        "x": NodeState.SKIPPED,
        "y": NodeState.SKIPPED,
    }


async def test_a_chain_may_go_on_after_a_failure():
    tree = chain(
        number(UNLUCKY, "bad"), number(ref("not_null(bad.n, `5`)"), "good"), on_failure="continue"
    )
    result, interpreter = await ran(tree)
    assert result == {"n": 11}
    assert interpreter.results == {"bad": None, "good": {"n": 11}}


async def test_fail_fast_stops_the_other_members_and_begins_no_more():
    host = FakeHost(stuck=frozenset({"slow"}))
    tree = group(number(1, "slow"), number(UNLUCKY, "bad"), number(2, "late"), window=2)
    error, interpreter = await failed(tree, host=host)
    assert error.node == "bad"
    assert host.stopped == ["slow"]
    assert host.started == ["slow", "bad"]
    assert states(interpreter)["slow"] is NodeState.CANCELED
    assert states(interpreter)["late"] is NodeState.SKIPPED


async def test_continue_puts_null_in_the_place_of_a_failed_member():
    tree = chain(
        group(number(1), number(UNLUCKY, "bad"), number(2), id="g", on_failure="continue"),
        number(ref("length(g[].n)")),
    )
    result, interpreter = await ran(tree)
    assert interpreter.results["g"] == [{"n": 3}, None, {"n": 5}]
    assert result == {"n": 5}
    [bad] = [each for each in interpreter.board.reports() if each.node == "bad"]
    assert (bad.state, bad.code, bad.job_id is not None) == (NodeState.FAILED, "unlucky", True)


@pytest.mark.parametrize(("wanted", "good"), [(1, True), (2, True), (3, False)])
async def test_min_success_goes_on_as_long_as_enough_can_succeed(wanted, good):
    members = [number(n) for n in (1, UNLUCKY, UNLUCKY, 2)]
    tree = group(*members, on_failure={"min_success": wanted}, id="g")
    if good:
        assert (await ran(tree))[0] == [{"n": 3}, None, None, {"n": 5}]
    else:
        error, _ = await failed(tree)
        assert (error.node, error.code) == ("g", "too_few_succeeded")


async def test_a_null_where_a_value_is_needed_fails_the_node():
    error, _ = await failed(chain(number(1, "a"), number(ref("input.nothing"), "b")))
    assert (error.node, error.code) == ("b", "node_payload_invalid")
    assert error.message.startswith("/tree/chain/1/job/payload: ")


async def test_a_reference_that_breaks_fails_the_node_with_a_pointer():
    error, _ = await failed(number(ref("sum(input)"), "b"), "text")
    assert (error.node, error.code) == ("b", "reference_failed")
    assert error.message.startswith("/tree/job/payload/n: sum(input): ")


@pytest.mark.parametrize(
    ("items", "shown"), [(None, "null"), ({"a": True}, '{"a": true}'), ("té", '"té"')]
)
async def test_a_map_over_what_is_no_list_fails(items, shown):
    error, _ = await failed(map_(ref("input"), number(1)), items)
    assert error.code == "reference_failed"
    assert error.message.endswith(f"a map goes over a list, and this is {shown}")


async def test_too_many_items_fail_before_any_runs():
    host = FakeHost()
    error, _ = await failed(map_(ref("input"), number(1)), [0] * 10_001, host)
    assert (error.code, host.started) == ("too_many_items", [])


async def test_what_a_reference_brings_is_data_even_if_it_looks_like_a_reference():
    host = FakeHost()
    await ran(
        job("pipeline", {"tree": number(1), "input": ref("input")}, id="p"),
        {"$from": "nothing"},
        host,
    )
    assert host.payloads["p"]["input"] == {"$from": "nothing"}


async def test_canceling_the_pipeline_stops_all_that_runs():
    host = FakeHost(stuck=frozenset({"a", "b"}))
    payload = PipelineInput.model_validate(work(chain(group(number(1, "a"), number(2, "b")))))
    interpreter = Interpreter(host, payload)
    running = asyncio.create_task(interpreter.run())
    while len(host.started) < 2:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(host.stopped) == ["a", "b"]
    assert states(interpreter)["a"] is NodeState.CANCELED


async def test_many_items_run_as_child_pipelines_one_after_the_other():
    host = FakeHost()
    tree = chain(
        number(1, "base"),
        map_(ref("input"), number(ref("sum([item, base.n])"), "x"), id="m", window=50),
    )
    items = [2 * n + 1 for n in range(450)]
    result, interpreter = await ran(tree, items, host)
    assert result == [{"n": 2 * (item + 3) + 1} for item in items]
    batches = [each for each in host.started if "#" in each]
    assert batches == ["m#0", "m#1", "m#2"]
    assert host.payloads["m#2"]["given"].keys() == {"base", "_items"}
    # A batch waits in the host while its own items run.
    assert host.most_at_once == 51
    assert interpreter.board.leaves == interpreter.board.leaves_done == 451


@pytest.mark.parametrize(("wanted", "good"), [(440, True), (441, False)])
async def test_min_success_counts_over_all_batches(wanted, good):
    items = [UNLUCKY if n % 45 == 0 else 0 for n in range(450)]
    tree = map_(ref("input"), number(ref("item")), id="m", on_failure={"min_success": wanted})
    if good:
        result, _ = await ran(tree, items)
        assert result.count(None) == 10
    else:
        with pytest.raises(NodeFailed) as caught:
            await ran(tree, items)
        assert caught.value.code == "too_few_succeeded"


async def test_maps_inside_of_maps_do_not_grow_beyond_one_workflow(monkeypatch):
    monkeypatch.setattr(mapping, "WORKFLOW_LEAVES", 20)
    host = FakeHost()
    inner = map_([0, 1, 2, 4, 5], number(ref("item")), id="inner")
    tree = map_([1, 2, 3, 4, 5, 6], inner, variable="row", id="outer", window=1)
    result, interpreter = await ran(tree, host=host)
    assert result == [[{"n": 2 * n + 1} for n in (0, 1, 2, 4, 5)]] * 6
    own = [each for each in host.started if each.startswith("outer") and "#" not in each]
    assert len(own) <= 20
    assert interpreter.board.leaves == interpreter.board.leaves_done


async def test_progress_counts_the_leaves_that_are_known():
    seen = []

    class Watching(FakeHost):
        def moved(self):
            seen.append((interpreter.board.leaves_done, interpreter.board.leaves))

    tree = chain(number(1), map_(ref("input"), number(ref("item"))), number(2))
    interpreter = Interpreter(Watching(), PipelineInput.model_validate(work(tree, [1, 2, 4])))
    await interpreter.run()
    assert seen[0] == (0, 3)
    assert seen[-1] == (5, 5)
    assert seen == sorted(seen)
