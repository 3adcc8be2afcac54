"""Random pipelines: good ones give what plain Python says, bad ones are refused where it hurts."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.examining import examine
from jobs.pipeline.board import NodeState
from jobs.pipeline.forecast import forecast
from jobs.pipeline.interpreter import Interpreter
from jobs.pipeline.picture import draw
from jobs.pipeline.scopes import NodeFailed
from jobs.pipeline.tree import KINDS as KINDS_OF_NODES
from jobs.pipeline.tree import PipelineInput
from tests.jobs.pipeline.kinds import KINDS, FakeHost
from tests.jobs.pipeline.trees import Failed, pipelines, predicted

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def found_in(payload: Any) -> list[str]:
    return [each.pointer for each in examine(KINDS["pipeline"], payload, KINDS).mistakes]


@MANY
@given(pipelines())
async def test_a_good_pipeline_gives_what_plain_python_says(payload):
    assert examine(KINDS["pipeline"], payload, KINDS).mistakes == []
    interpreter = Interpreter(FakeHost(), PipelineInput.model_validate(payload))
    try:
        wanted = predicted(payload)
    except Failed:
        with pytest.raises(NodeFailed):
            await interpreter.run()
    else:
        assert await interpreter.run() == wanted
    reports = interpreter.board.reports()
    assert all(each.state.is_final for each in reports)
    assert interpreter.board.leaves_done == interpreter.board.leaves
    assert {each.code for each in reports if each.state is NodeState.FAILED} <= {
        "unlucky",
        "node_payload_invalid",
        "reference_failed",
        "too_few_succeeded",
    }


@MANY
@given(pipelines())
def test_every_good_pipeline_can_be_written_down_forecast_and_drawn(payload):
    work = PipelineInput.model_validate(payload)
    assert work.model_dump(mode="json", by_alias=True) == payload
    found = forecast(payload, KINDS, {})
    assert found.late_seconds >= found.typical_seconds >= 0
    assert found.picture.startswith("flowchart TD\n")
    assert draw(work.tree) == found.picture


def places(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield every node of a payload with its pointer."""
    yield pointer, node
    for member in ("chain", "group"):
        for index, each in enumerate(node.get(member, [])):
            yield from places(each, f"{pointer}/{member}/{index}")
    if "chord" in node:
        for index, each in enumerate(node["chord"]["group"]):
            yield from places(each, f"{pointer}/chord/group/{index}")
        yield from places(node["chord"]["then"], f"{pointer}/chord/then")
    if "map" in node:
        yield from places(node["map"]["do"], f"{pointer}/map/do")


def kind_lost(node: Any) -> str:
    kind = next(each for each in KINDS_OF_NODES if each in node)
    node["jbo"] = node.pop(kind)
    return ""


def extra(node: Any) -> str:
    node["extra"] = 1
    return "/extra"


def no_such_type(node: Any) -> str:
    node["job"]["type"] = "nobody_wrote_it"
    return "/job/type"


def missing(node: Any) -> str:
    del node["job"]["payload"]["n"]
    return "/job/payload/n"


def wrong(node: Any) -> str:
    node["job"]["payload"]["n"] = ["no number"]
    return "/job/payload/n"


def option(node: Any) -> str:
    node["job"]["options"] = {"max_tries": 99}
    return "/job/options/max_tries"


def refers_to(expression: str) -> Callable[[Any], str]:
    def spoil(node: Any) -> str:
        node["job"] |= {"id": "itself"}
        node["job"]["payload"]["n"] = {"$from": expression}
        return "/job/payload/n/$from"

    return spoil


ANY_NODE = (kind_lost, extra)
ONLY_JOBS = (
    no_such_type,
    missing,
    wrong,
    option,
    *map(refers_to, ("nobody.n", "input.[", "itself.n", "shout(input)")),
)


@MANY
@given(pipelines(), st.sampled_from(ANY_NODE + ONLY_JOBS), st.integers(0, 1_000))
def test_a_spoiled_pipeline_is_refused_where_it_was_spoiled(payload, spoil, which):
    spoiled = copy.deepcopy(payload)
    found = list(places(spoiled["tree"], "/tree"))
    nodes = [each for each in found if spoil in ANY_NODE or "job" in each[1]]
    if nodes:
        pointer, node = nodes[which % len(nodes)]
        inside = spoil(node)
        assert f"{pointer}{inside}" in found_in(spoiled)
