"""Approvals at the door: shown with the job, decided through signals, refused with a reason."""

import asyncio
from typing import Any

import httpx2
import pytest

from jobs.values import JobId
from tests.api.conftest import assert_problem
from tests.workflows import approval_jobs  # noqa: F401 # declares them

PLAN: dict[str, Any] = {"key": "plan", "title": "The plan", "shown": {"steps": ["dig"]}}
SCHEMA = {
    "type": "object",
    "properties": {
        "steps": {"type": "array", "items": {"type": "string"}},
        "a/b": {"type": "null"},
    },
    "required": ["steps"],
    "additionalProperties": False,
}
EDITABLE = PLAN | {"editable": True, "edits_schema": SCHEMA}


async def asked(api: httpx2.AsyncClient, *asks: dict[str, Any]) -> JobId:
    body = {"type": "test_asks_people", "payload": {"asks": list(asks or (PLAN,))}}
    reply = await api.post("/api/jobs", json=body)
    assert reply.status_code == 202, reply.text
    return JobId(reply.json()["job_id"])


async def opened(api: httpx2.AsyncClient, job_id: JobId, count: int = 1) -> list[dict[str, Any]]:
    while len(found := (await api.get(f"/api/jobs/{job_id}")).json()["approvals"]) != count:
        await asyncio.sleep(0.02)  # the worker asks
    return list(found)


async def ended(api: httpx2.AsyncClient, job_id: JobId) -> dict[str, Any]:
    reply = await api.get(f"/api/jobs/{job_id}", headers={"Prefer": "wait=20"})
    job: dict[str, Any] = reply.json()
    assert job["status"] == "succeeded", job
    return job


async def test_a_job_shows_its_approval_and_where_to_decide(api, house):
    job_id = await asked(api, EDITABLE | {"timeout": 60, "default": "reject"})
    [shown] = await opened(api, job_id)
    assert {name: shown[name] for name in PLAN} == PLAN
    assert shown["edits_schema"] == SCHEMA
    assert shown["default"] == "reject"
    assert shown["deadline"] > shown["requested_at"]
    assert shown["links"]["job"] == f"/api/jobs/{job_id}"

    edits = {"steps": ["dig deeper"]}
    body = {"key": "plan", "digest": shown["digest"], "comment": "Deeper.", "edits": edits}
    reply = await api.post(shown["links"]["approve"], json=body)
    assert reply.status_code == 202, reply.text
    job = await ended(api, job_id)
    assert job["approvals"] == []
    assert job["result"]["decisions"] == [
        {
            "approved": True,
            "comment": "Deeper.",
            "edits": edits,
            "decided_by": "default",
            "is_default": False,
        }
    ]


async def test_what_was_not_seen_cannot_be_decided(api, house):
    job_id = await asked(api)
    [shown] = await opened(api, job_id)
    approve = shown["links"]["approve"]
    stale = await api.post(approve, json={"key": "plan", "digest": "0" * 64})
    assert_problem(stale, 409, "approval_stale")
    assert_problem(await api.post(approve, json={"digest": "0" * 64}), 409, "approval_stale")
    body = {"key": "another", "digest": shown["digest"]}
    assert_problem(await api.post(approve, json=body), 409, "approval_not_open")
    assert_problem(await api.post(approve, json={}), 422, "invalid_payload")
    who = {"digest": shown["digest"], "decided_by": "somebody else"}
    assert_problem(await api.post(approve, json=who), 422, "invalid_payload")


UNFIT: dict[str, tuple[Any, list[str]]] = {
    "missing": ({}, ["/edits/steps"]),
    "wrong": ({"steps": ["dig", 1], "a/b": 2}, ["/edits/a~1b", "/edits/steps/1"]),
    "unknown": ({"steps": [], "more": 1}, ["/edits"]),
}


@pytest.mark.parametrize("name", UNFIT)
async def test_edits_that_do_not_fit_are_refused_with_pointers(api, house, name):
    edits, pointers = UNFIT[name]
    [shown] = await opened(api, await asked(api, EDITABLE))
    body = {"digest": shown["digest"], "edits": edits}
    problem = assert_problem(
        await api.post(shown["links"]["approve"], json=body), 422, "invalid_payload"
    )
    assert sorted(each["pointer"] for each in problem["errors"]) == pointers


async def test_edits_of_what_is_not_editable_are_refused(api, house):
    [shown] = await opened(api, await asked(api))
    body = {"digest": shown["digest"], "edits": {"steps": []}}
    refused = await api.post(shown["links"]["approve"], json=body)
    assert assert_problem(refused, 422, "invalid_payload")["errors"][0]["pointer"] == "/edits"
    reject = await api.post(shown["links"]["reject"], json=body)
    assert_problem(reject, 422, "invalid_payload")
