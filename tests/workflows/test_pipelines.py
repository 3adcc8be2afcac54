"""Pipelines on real servers: every job a child with a row, results handed on, ends told apart."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from backburner.pipelines import approval, chain, chord, group, job, map_, ref
from jobs.approvals import Answer
from jobs.options import JobOptions
from jobs.pipeline import mapping
from tests.installation import Installation, eventually
from tests.jobs.pipeline.kinds import UNLUCKY
from tests.jobs.pipeline.trees import pipelines
from tests.workflows import numbers  # noqa: F401 # declares its job type
from tests.workflows.families import (
    STUCK,
    all_agreed,
    child_asks,
    family,
    statuses_at_provider,
)
from tests.workflows.looking import ask, events_of, history_of, kinds, tell
from tests.workflows.pipelines import check_random, open_approvals, ran, reports

SOME = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def number(n, id=None, **more):
    return job("number", {"n": n}, id=id, **more)


def stuck(id=None):
    return job("summarize_text", {"text": STUCK}, id=id)


@pytest.mark.timeout(180)
@SOME
@given(pipelines())
async def test_a_random_pipeline_gives_what_plain_python_says(house, payload):
    await check_random(house, payload)


async def test_every_job_of_a_pipeline_is_a_child_with_a_row(house: Installation):
    tree = chain(number(ref("input"), "a"), group(number(ref("a.n"), "b"), number(5), id="both"))
    rows, result = await ran(house, tree, 1)

    assert result["result"] == [{"n": 7}, {"n": 11}]
    assert result["results"] == {"a": {"n": 3}, "b": {"n": 7}, "both": [{"n": 7}, {"n": 11}]}
    nodes = reports(result["nodes"])
    assert {name: each.state for name, each in nodes.items()} == dict.fromkeys(
        ["tree", "a", "both", "b", "chain/1/group/1"], "succeeded"
    )
    by_key = {row.child_key: row for row in rows}
    assert by_key.keys() == {None, "a", "b", "chain/1/group/1"}
    assert all(nodes[key].job_id == row.id for key, row in by_key.items() if key)
    assert by_key[None].cost.responses == 3
    assert by_key[None].progress.current == by_key[None].progress.total == 3


async def test_a_pipeline_fails_with_the_code_and_the_name_of_the_node(house: Installation):
    tree = group(number(UNLUCKY, "bad"), stuck("slow"), chain(stuck("slow_too"), number(1, "late")))
    rows, _ = await ran(house, tree)

    by_key = {row.child_key: row for row in rows}
    root = by_key.pop(None)
    assert root.failure
    assert root.failure.code == "response_failed"
    assert root.failure.message.startswith("bad: ")
    assert {key: row.status for key, row in by_key.items()} == {
        "bad": "failed", "slow": "canceled", "slow_too": "canceled",
    }  # fmt: skip
    assert "completed" not in await statuses_at_provider(house, rows)


async def test_a_node_chooses_over_what_was_chosen_for_the_whole_pipeline(house: Installation):
    tree = group(
        number(1, "plain"),
        number(2, "own", options={"model": "gpt-5-nano", "priority": 1, "deadline_seconds": 60}),
    )
    chosen = JobOptions(model="gpt-5-mini", max_tries=2, deadline_seconds=600)
    job_id = await house.submit("pipeline", {"tree": tree}, chosen)
    rows = {row.child_key: row for row in await all_agreed(house, job_id)}

    inherited = chosen.model_copy(update={"deadline_seconds": None})
    own = {"model": "gpt-5-nano", "priority": 1, "deadline_seconds": 60}
    assert rows["plain"].options == inherited
    assert rows["own"].options == inherited.model_copy(update=own)


async def test_an_approval_hands_on_what_the_approver_made_of_it(house: Installation):
    tree = chain(
        number(1, "a"),
        approval("Go on?", {"n": ref("a.n")}, id="ok", editable=True),
        number(ref("ok.value.n"), "b"),
    )
    job_id = await house.submit("pipeline", {"tree": tree})
    [(_, key, digest)] = await eventually(lambda: open_approvals(house))
    assert key == "ok"
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for == "approval: Go on?")
    await tell(house, job_id, "approve", Answer(digest=digest, edits={"n": 10}, decided_by="anna"))
    await all_agreed(house, job_id)
    assert (await house.result(job_id))["result"] == {"n": 21}


@pytest.mark.parametrize(
    ("more", "code"),
    [({}, "approval_timed_out"), ({"default": "reject"}, "approval_rejected")],
    ids=["timed_out", "rejected"],
)
async def test_an_approval_nobody_answers_fails_its_node_with_a_code(house, more, code):
    asked = {"approval": {"id": "ok", "title": "Go?", "timeout_seconds": 1, **more}}
    [root], _ = await ran(house, chain(asked, number(1)))

    assert root.failure
    assert (root.failure.code, root.failure.message.partition(":")[0]) == (code, "ok")


async def test_a_payload_that_does_not_fit_when_it_is_known_fails_its_node(house: Installation):
    absent = "019ab2c4-5d6e-7f80-9123-456789abcdef"
    tree = group(
        number(ref("input.nothing"), "no_number"),
        job("summarize_documents", {"document_ids": [ref("input.document")]}, id="no_document"),
        job("pipeline", {"tree": number(ref("input.x.y")), "input": ref("input")}, id="inner"),
        on_failure="continue",
    )
    job_id = await house.submit("pipeline", {"tree": tree, "input": {"document": absent, "x": 1}})
    await house.ended(job_id)
    rows, result = await family(house, job_id), await house.result(job_id)

    nodes = reports(result["nodes"])
    assert nodes["no_number"].code == "node_payload_invalid"
    assert (nodes["no_number"].message or "").startswith("/tree/group/0/job/payload: ")
    assert nodes["no_document"].code == "document_not_found"
    assert absent in (nodes["no_document"].message or "")
    assert nodes["inner"].code == "node_payload_invalid"
    begun = {row.child_key for row in rows if row.started_at is not None}
    assert begun == {None, "inner"}


async def test_a_running_pipeline_tells_where_it_is(house: Installation):
    rows = [{"text": "One boat sailed."}, {"text": STUCK}]
    do = job("summarize_text", {"text": ref("row.text")}, id="short")
    tree = chain(
        map_(ref("input"), do, variable="row", id="parts"),
        job("combine_summaries", {"summaries": ref("parts[].summary")}, id="report"),
    )
    job_id = await house.submit("pipeline", {"tree": tree, "input": rows})
    slow = await child_asks(house, job_id, "parts.1/short")

    row = await eventually(lambda: house.job(job_id), lambda row: row.progress.current == 1)
    assert (row.progress.stage, row.progress.total) == ("parts/short", 3)
    nodes = reports(await ask(house, job_id, "nodes"))
    assert nodes["parts.0/short"].state == "succeeded"
    assert nodes["parts.1/short"].state == "running"
    assert nodes["report"].state == "waiting"
    picture = await ask(house, job_id, "picture")
    assert 'subgraph map0["parts: each row"]' in picture
    assert "short: summarize_text (1/2)" in picture
    shown = await ask(house, job_id, "__temporal_workflow_metadata")
    assert f"```mermaid\n{picture}\n```" in shown.current_details

    await tell(house, slow, "cancel", "too slow")
    root, *_ = await all_agreed(house, job_id)
    assert root.failure
    assert root.failure.code == "job_canceled"


async def test_many_items_run_in_child_pipelines(house: Installation, monkeypatch):
    monkeypatch.setattr(mapping, "BATCH_ITEMS", 4)
    items = [UNLUCKY if n == 5 else n for n in range(10)]
    do = number(ref("sum([item, input.more, base.n])"), "x")
    tree = chain(number(1, "base"), map_(ref("input.items"), do, id="m", on_failure="continue"))
    rows, result = await ran(house, tree, {"items": items, "more": 0})

    assert [each and each["n"] for each in result["result"]] == [2 * (n + 3) + 1 for n in items]
    by_key = {row.child_key: row for row in rows if row.parent_id == rows[0].id}
    assert by_key.keys() == {"base", "m#0", "m#1", "m#2"}
    assert by_key["m#1"].type == "pipeline"
    assert by_key["m#1"].payload["input"] == {"more": 0}
    assert by_key["m#1"].payload["given"] == {"base": {"n": 3}, "_items": items[4:8]}
    assert rows[0].cost.responses == 11
    assert rows[0].progress.current == rows[0].progress.total == 11


async def test_a_cancel_in_the_middle_leaves_nothing_open(house: Installation):
    tree = chain(
        number(1, "first"),
        chord(stuck("a"), chain(number(2, "quick"), stuck("b")), then=number(1, "late")),
    )
    job_id = await house.submit("pipeline", {"tree": tree})
    await child_asks(house, job_id, "a")
    await child_asks(house, job_id, "b")
    await tell(house, job_id, "cancel", "not needed any more")

    rows = await all_agreed(house, job_id)
    assert {row.child_key: row.status for row in rows} == {
        None: "canceled", "first": "succeeded", "quick": "succeeded",
        "a": "canceled", "b": "canceled",
    }  # fmt: skip
    assert sorted(await statuses_at_provider(house, rows)) == ["cancelled"] * 2 + ["completed"] * 2


@pytest.mark.usefixtures("unhurried")
async def test_an_item_of_a_map_costs_few_events(house: Installation):
    items = list(range(20))
    rows, _ = await ran(house, map_(ref("input"), number(ref("item"))), items)

    found = kinds(await history_of(house, rows[0].id))
    assert "ACTIVITY_TASK_SCHEDULED" not in found
    assert len(found) <= 12 * len(items), len(found)
    told = await events_of(house, rows[0].id)
    assert sum(each.type == "child_finished" for each in told) == len(items)
    assert len(await family(house, rows[0].id)) == 21
