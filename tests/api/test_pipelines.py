"""Twelve documents, one request: summarised, joined, given a title, approved. And stopped."""

import copy
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobs.values import JobId
from tests.api.conftest import assert_problem
from tests.installation import Installation, eventually
from tests.workflows.families import all_agreed, statuses_at_provider
from tests.workflows.looking import scripted

EXAMPLES = Path(__file__).parents[2] / "examples/pipelines"
REPORT: dict[str, Any] = json.loads((EXAMPLES / "report_on_documents.json").read_text())
STUCK = scripted("Boat 7 is late.", outcome="stuck")
TEXTS = [f"Boat {n} sailed with {n} sails. It came back in {n} days." for n in range(12)]


async def uploaded(api: httpx2.AsyncClient, texts: list[str]) -> list[str]:
    files = [("files", (f"{n}.txt", text.encode())) for n, text in enumerate(texts)]
    reply = await api.post("/api/documents", files=files)
    assert reply.status_code == 201, reply.text
    return [each["document_id"] for each in reply.json()["documents"]]


async def posted(api: httpx2.AsyncClient, documents: list[str]) -> JobId:
    body = copy.deepcopy(REPORT)
    body["payload"]["input"]["documents"] = documents
    reply = await api.post("/api/jobs", json=body)
    assert reply.status_code == 202, reply.text
    return JobId(reply.json()["job_id"])


async def seen(api: httpx2.AsyncClient, job_id: JobId) -> dict[str, Any]:
    return dict((await api.get(f"/api/jobs/{job_id}")).json())


@pytest.mark.timeout(120)
async def test_one_request_turns_twelve_documents_into_an_approved_report(api, house: Installation):
    job_id = await posted(api, await uploaded(api, TEXTS))
    job = await eventually(lambda: seen(api, job_id), lambda job: job["waiting_for"])
    assert job["waiting_for"] == "approval: Publish this report?"
    assert job["progress"] == {"stage": "ok", "current": 14, "total": 15, "percent": 93}
    [approval] = job["approvals"]
    assert approval["shown"].keys() == {"title", "report"}
    edited = approval["shown"] | {"title": "Twelve boats"}
    body = {"digest": approval["digest"], "comment": "A better title.", "edits": edited}
    assert (await api.post(approval["links"]["approve"], json=body)).status_code == 202

    root, *children = await all_agreed(house, job_id)
    done = await seen(api, job_id)
    assert done["status"] == "succeeded", done
    assert done["progress"]["current"] == done["progress"]["total"] == 15
    assert done["cost"]["responses"] == root.cost.responses
    assert root.cost.responses == sum(each.cost.responses for each in children)
    result = done["result"]
    assert result["result"]["value"] == edited
    assert result["results"]["ok"]["comment"] == "A better title."
    summaries = result["results"]["summaries"]
    assert [each["documents"][0]["name"] for each in summaries] == [f"{n}.txt" for n in range(12)]
    listed = await api.get(f"{done['links']['children']}&limit=100")
    ran_by = {each["job_id"] for each in result["nodes"] if each["job_id"]}
    assert ran_by == {each["job_id"] for each in listed.json()["jobs"]}
    assert len(ran_by) == 14


@pytest.mark.timeout(120)
async def test_canceled_in_the_middle_it_leaves_no_open_response(api, house: Installation):
    texts = [*TEXTS[:7], STUCK, *TEXTS[8:]]
    job_id = await posted(api, await uploaded(api, texts))
    await eventually(lambda: seen(api, job_id), lambda job: job["progress"]["current"] == 11)
    reply = await api.post(f"/api/jobs/{job_id}/cancel", json={"reason": "not needed"})
    assert reply.status_code == 202, reply.text

    rows = await all_agreed(house, job_id)
    statuses = {row.child_key: row.status for row in rows}
    assert statuses.pop(None) == statuses.pop("summaries.7") == "canceled"
    assert len(statuses) == 11
    assert set(statuses.values()) == {"succeeded"}
    at_provider = await statuses_at_provider(house, rows)
    assert at_provider == ["cancelled", *["completed"] * (len(at_provider) - 1)]
    open_rows = await house.db.fetchval(
        "SELECT count(*) FROM responses WHERE state = 'open' OR settled_at IS NULL"
    )
    assert open_rows == 0


@pytest.mark.timeout(120)
async def test_canceled_while_somebody_is_asked_it_asks_no_more(api, house: Installation):
    job_id = await posted(api, await uploaded(api, TEXTS[:2]))
    job = await eventually(lambda: seen(api, job_id), lambda job: job["approvals"])
    [approval] = job["approvals"]
    await api.post(f"/api/jobs/{job_id}/cancel", json={})
    await all_agreed(house, job_id)
    assert (await seen(api, job_id))["approvals"] == []
    late = await api.post(approval["links"]["approve"], json={"digest": approval["digest"]})
    assert_problem(late, 409, "job_already_finished")


async def test_every_mistake_in_a_tree_is_told_before_anything_starts(api, house: Installation):
    tree = {
        "chain": [
            {"job": {"id": "a", "type": "summarise_text", "payload": {}}},
            {"map": {"over": {"$from": "b[]"}, "do": {"job": {"type": "generate_title"}}}},
            {"job": {"type": "generate_title", "payload": {"content": {"$from": "a.["}}}},
        ]
    }
    reply = await api.post("/api/jobs", json={"type": "pipeline", "payload": {"tree": tree}})
    problem = assert_problem(reply, 422, "invalid_payload")
    assert {each["pointer"] for each in problem["errors"]} == {
        "/payload/tree/chain/0/job/type",
        "/payload/tree/chain/1/map/over/$from",
        "/payload/tree/chain/1/map/do/job/payload/content",
        "/payload/tree/chain/2/job/payload/content/$from",
    }
    assert (await api.get("/api/jobs")).json()["jobs"] == []
