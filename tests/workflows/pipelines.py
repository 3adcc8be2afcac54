"""Running pipelines, and somebody who approves whatever is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from backburner.pipelines import approval, chain, chord, group, job, map_, pipeline, ref
from jobs.approvals import Answer
from jobs.pipeline.board import NodeReport
from jobs.pipeline.bounds import BATCH_ITEMS
from jobs.status import JobStatus
from jobs.values import JobId
from storage.jobs import JobRow
from tests.installation import GLANCE, Installation
from tests.jobs.pipeline.trees import Failed, predicted
from tests.workflows.families import all_agreed
from tests.workflows.looking import scripted, tell

CODES = {"response_failed", "node_payload_invalid", "reference_failed", "too_few_succeeded"}
"""Why random pipelines fail."""

ENDED = {"succeeded", "failed", "canceled", "skipped"}


async def open_approvals(house: Installation) -> list[tuple[JobId, str, str]]:
    """Return job, key and digest of every approval that waits."""
    rows = await house.db.fetch("SELECT job_id, key, digest FROM approvals WHERE state = 'open'")
    return [(row["job_id"], row["key"], row["digest"]) for row in rows]


@asynccontextmanager
async def anna_approves(house: Installation) -> AsyncIterator[None]:
    """Approve everything for as long as the block lasts."""

    async def approve() -> None:
        decided: set[tuple[JobId, str, str]] = set()
        while True:
            for each in await open_approvals(house):
                if each not in decided:
                    decided.add(each)
                    answer = Answer(digest=each[2], decided_by="anna")
                    await tell(house, each[0], "approve", answer)
            await asyncio.sleep(GLANCE)  # the workflows ask

    task = asyncio.create_task(approve())
    try:
        yield
    finally:
        task.cancel()


async def ran(house: Installation, tree: Any, input: Any = None) -> tuple[list[JobRow], Any]:
    """Run a pipeline to its end; return its family, the root first, and its result."""
    job_id = await house.submit("pipeline", {"tree": tree, "input": input})
    rows = await all_agreed(house, job_id)
    return rows, await house.result(job_id)


def reports(nodes: list[Any]) -> dict[str, NodeReport]:
    """Return what became of every node, by name."""
    return {each["node"]: NodeReport.model_validate(each) for each in nodes}


async def check_random(house: Installation, payload) -> None:
    """Run a random pipeline; compare it with plain Python, and all its jobs with one another."""
    job_id = await house.submit("pipeline", payload)
    async with anna_approves(house):
        root, *children = await all_agreed(house, job_id)
    try:
        wanted = predicted(payload)
    except Failed:
        assert root.status is JobStatus.FAILED
        assert root.failure
        assert root.failure.code in CODES, root.failure
    else:
        assert root.status is JobStatus.SUCCEEDED, root.failure
        result = await house.result(job_id)
        assert result["result"] == wanted
        nodes = reports(result["nodes"])
        assert {each.state for each in nodes.values()} <= ENDED
        jobs_of_nodes = {each.job_id for each in nodes.values() if each.job_id}
        assert jobs_of_nodes == {each.id for each in children if each.parent_id == job_id}
    assert root.cost.responses == sum(each.cost.responses for each in children)


def every_kind_of_node() -> dict[str, Any]:
    """Return the payload of a pipeline with every kind of node and of failure policy."""
    unhappy = scripted("Sunk.", outcome="failed", error_code="invalid_prompt")
    do = job("summarize_text", {"text": ref("boat")}, id="short")
    inner = chain(job("generate_title", {"content": ref("input")}, id="title"))
    tree = chain(
        map_(ref("input.boats"), do, variable="boat", id="parts", on_failure={"min_success": 2}),
        chord(
            job("combine_summaries", {"summaries": ref("parts[].summary")}),
            job("summarize_text", {"text": unhappy}),
            job("pipeline", {"tree": inner, "input": ref("parts[0].summary")}),
            then=approval("Publish?", ref("group[0]"), id="ok", editable=True),
            on_failure="continue",
        ),
        approval("Sure?", timeout=timedelta(seconds=1), default="approve", id="sure"),
        group(job("generate_title", {"content": ref("ok.value.summary")}), window=1),
    )
    return pipeline(tree, {"boats": ["One sailed.", unhappy, "Three sailed."]})


def in_batches() -> dict[str, Any]:
    """Return the payload of a pipeline with one item more than one workflow runs."""
    boats = [f"Boat {n}." for n in range(BATCH_ITEMS + 1)]
    do = job("summarize_text", {"text": ref("item")})
    return pipeline(map_(ref("input"), do, window=50), boats)
