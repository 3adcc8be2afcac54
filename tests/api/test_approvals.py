"""Approvals at the door: shown with the job, decided through signals, refused with a reason."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.paging import pack
from jobs.values import JobId
from storage import approvals, job_moves
from tests.api.conftest import assert_problem, served, with_settings, without_temporal
from tests.installation import TENANT, Installation, eventually, serving
from tests.workflows import approval_jobs  # noqa: F401 # declares them
from tests.workflows.looking import agreed, events_of, history_of, kinds

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
FINISHED = "job_already_finished"
NUL_CURSOR = f"cursor={pack([True, '2026-11-21T10:00:00Z', str(uuid4()), 'a' + chr(0)])}"
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


async def decision_of(api: httpx2.AsyncClient, job_id: JobId) -> dict[str, Any]:
    [decision] = (await ended(api, job_id))["result"]["decisions"]
    assert isinstance(decision, dict)
    return decision


async def taken(house: Installation, job_id: JobId) -> None:
    """Wait until the workflow knows of a decision: from then on it is told no more."""

    async def known() -> bool:
        found = await approvals.get(house.db, TENANT, job_id, "plan")
        return found is not None and found.tell_at is None

    await eventually(known)


def signals_in(history: list[Any]) -> int:
    return kinds(history).count("WORKFLOW_EXECUTION_SIGNALED")


async def test_of_two_people_at_once_one_decides_and_the_other_is_told_so(api, house):
    for _ in range(5):
        job_id = await asked(api)
        [shown] = await opened(api, job_id)
        body = {"digest": shown["digest"]}
        replies = await asyncio.gather(
            api.post(shown["links"]["approve"], json=body),
            api.post(shown["links"]["reject"], json=body),
        )
        codes = [each.status_code for each in replies]
        assert sorted(codes) == [202, 409], [each.text for each in replies]
        decided = replies[codes.index(202)].json()
        assert (await decision_of(api, job_id))["approved"] == (decided["state"] == "approved")
        problem = assert_problem(replies[codes.index(409)], 409, problem_of(replies))
        assert decided["state"] in problem["detail"]
        assert [each.type for each in await events_of(house, job_id)].count("approval_decided") == 1


def problem_of(replies: Sequence[httpx2.Response]) -> str:
    """Return which of the two it is: the job may have ended between the two decisions."""
    code = next(each.json()["code"] for each in replies if each.status_code == 409)
    assert code in {"approval_not_open", "job_already_finished"}
    return str(code)


async def test_the_same_decision_again_is_answered_with_what_stands(api, house):
    job_id = await asked(api, EDITABLE, {"key": "more", "title": "More"})
    shown = {each["key"]: each for each in await opened(api, job_id, 2)}
    approve, reject = (shown["plan"]["links"][each] for each in ("approve", "reject"))
    body = {"digest": shown["plan"]["digest"], "comment": "Go.", "edits": {"steps": ["rest"]}}
    first = await api.post(approve, json=body)
    assert first.status_code == 202
    await taken(house, job_id)
    again = await api.post(approve, json=body | {"comment": "Really."})
    assert (again.status_code, again.json()["comment"]) == (200, "Go.")
    assert again.json()["decided_at"] == first.json()["decided_at"]
    others: list[tuple[str, dict[str, Any]]] = [
        (reject, {}),
        (approve, {"edits": {"steps": []}}),
        (approve, {}),
    ]
    for url, other in others:
        refused = await api.post(url, json={"digest": body["digest"]} | other)
        problem = assert_problem(refused, 409, "approval_not_open")
        assert "was approved by default at" in problem["detail"]

    more = {"digest": shown["more"]["digest"]}
    assert (await api.post(shown["more"]["links"]["approve"], json=more)).status_code == 202
    await ended(api, job_id)
    # A client whose reply was lost may ask when the job has long ended.
    assert (await api.post(approve, json=body)).status_code == 200
    late = assert_problem(await api.post(reject, json=more), 409, "job_already_finished")
    assert "was approved" in late["detail"]
    assert signals_in(await history_of(house, job_id)) == 2


async def test_a_default_that_counted_is_no_decision_of_the_one_who_comes_late(api, house):
    job_id = await asked(api, PLAN | {"timeout": 1, "default": "approve"}, PLAN | {"key": "b"})

    async def stands() -> dict[str, Any]:
        found: dict[str, Any] = (await api.get(f"/api/jobs/{job_id}/approvals/plan")).json()
        return found

    shown = await eventually(stands, lambda found: found.get("state") == "approved")
    assert shown["is_default"]
    late = await api.post(shown["links"]["approve"], json={"digest": shown["digest"]})
    problem = assert_problem(late, 409, "approval_not_open")
    assert "was approved by default at" in problem["detail"]


async def test_a_decision_stands_when_temporal_is_away_and_the_workflow_is_told_later(
    api, gateway, house: Installation
):
    job_id = await asked(api)
    [shown] = await opened(api, job_id)
    async with served(await without_temporal(gateway)) as cut_off:
        body = {"digest": shown["digest"], "comment": "Go."}
        assert (await cut_off.post(shown["links"]["approve"], json=body)).status_code == 202
    assert await opened(api, job_id, 0) == []
    assert house.deeds
    await house.deeds.maintenance.one_pass()
    assert signals_in(await history_of(house, job_id)) == 0, "its gateway may be about to tell it"

    await due(house)
    await house.deeds.maintenance.one_pass()
    assert (await decision_of(api, job_id))["comment"] == "Go."
    await due(house)
    await house.deeds.maintenance.one_pass()
    assert signals_in(await history_of(house, job_id)) == 1


async def due(house: Installation) -> None:
    """Let the time pass that a gateway has for telling a workflow."""
    await house.db.execute("UPDATE approvals SET tell_at = tell_at - interval '2 hours'")


async def test_a_job_that_is_to_be_canceled_can_no_longer_be_decided(api, house):
    job_id = await asked(api)
    [shown] = await opened(api, job_id)
    await job_moves.request_cancel(house.db, TENANT, job_id, by="t", reason=None)
    body = {"digest": shown["digest"]}
    refused = await api.post(shown["links"]["approve"], json=body)
    problem = assert_problem(refused, 409, "approval_not_open")
    assert "the job is ending" in problem["detail"]
    await api.post(f"/api/jobs/{job_id}/cancel")
    assert (await agreed(house, job_id)).status == "canceled"
    late = assert_problem(await api.post(shown["links"]["approve"], json=body), 409, FINISHED)
    assert "was withdrawn" in late["detail"]


async def test_nothing_can_be_decided_after_the_deadline_that_was_shown(api, gateway, bare):
    async with serving(bare):
        job_id = await asked(api, PLAN | {"timeout": 60, "default": "reject"})
        [shown] = await opened(api, job_id)
    # No worker: the workflow cannot notice its deadline.
    await bare.db.execute("UPDATE approvals SET deadline = now()")
    refused = await api.post(shown["links"]["approve"], json={"digest": shown["digest"]})
    problem = assert_problem(refused, 409, "approval_not_open")
    assert "had to be decided until" in problem["detail"]


async def test_a_root_shows_what_its_descendants_ask_and_its_tag_tells_of_it(api, house):
    root, child = await asked(api), await asked(api)
    await opened(api, root)
    [below] = await opened(api, child)
    before = await api.get(f"/api/jobs/{root}")
    for table, column in (("jobs", "id"), ("approvals", "job_id")):
        move = f"UPDATE {table} SET root_id = $1 WHERE {column} = $2"  # noqa: S608 # constants
        await house.db.execute(move, root, child)
    unchanged = {"If-None-Match": before.headers["etag"]}
    after = await api.get(f"/api/jobs/{root}", headers=unchanged)
    assert after.status_code == 200
    assert below in after.json()["approvals"]
    same = await api.get(f"/api/jobs/{root}", headers={"If-None-Match": after.headers["etag"]})
    assert same.status_code == 304


async def test_edits_that_only_the_model_refuses_fail_the_job_or_are_asked_for_again(api, house):
    for rounds, expected in ((1, "failed"), (2, "succeeded")):
        payload = {"asks": [], "rounds": rounds}
        reply = await api.post(
            "/api/jobs", json={"type": "test_asks_for_a_span", "payload": payload}
        )
        job_id = JobId(reply.json()["job_id"])
        [shown] = await opened(api, job_id)
        body = {"digest": shown["digest"], "edits": {"first": 2, "last": 1}}
        assert (await api.post(shown["links"]["approve"], json=body)).status_code == 202
        if rounds == 2:
            [again] = await opened(api, job_id)
            assert again["key"] == "again"
            body = {"digest": again["digest"]}
            assert (await api.post(shown["links"]["approve"], json=body)).status_code == 202
        row = await agreed(house, job_id)
        assert row.status == expected
        if row.failure:
            assert row.failure.code == "approval_edits_unfit"
            assert "the first comes after the last" in row.failure.message


async def test_approvals_of_all_jobs_are_listed_and_read_in_full(api, house):
    jobs = [await asked(api, PLAN | {"key": f"a/{n} é?"}) for n in range(3)]
    for job_id in jobs:
        await opened(api, job_id)
    [first] = await opened(api, jobs[0])
    await api.post(first["links"]["approve"], json={"digest": first["digest"], "comment": "Go."})
    await ended(api, jobs[0])

    seen, address = [], "/api/approvals?limit=2"
    while address:
        reply = await api.get(address)
        seen += reply.json()["approvals"]
        address = reply.links.get("next", {}).get("url", "")
    assert [(each["job_id"], each["state"]) for each in seen] == [
        (jobs[2], "open"),
        (jobs[1], "open"),
        (jobs[0], "approved"),
    ]
    assert seen[0].keys().isdisjoint({"shown", "digest", "edits"})
    assert seen[2]["job_type"] == "test_asks_people"
    full = (await api.get(seen[2]["links"]["self"])).json()
    assert full == first | {
        "state": "approved",
        "comment": "Go.",
        "decided_by": "default",
        "decided_at": full["decided_at"],
    }
    only = await api.get("/api/approvals", params={"job": jobs[1], "state": "open"})
    assert [each["key"] for each in only.json()["approvals"]] == ["a/1 é?"]


@pytest.mark.parametrize("key", ["never", "%00", "%EF%BF%BF"])
async def test_an_approval_that_was_never_asked_for_is_not_found(api, house, key):
    job_id = await asked(api)
    refused = await api.get(f"/api/jobs/{job_id}/approvals/{key}")
    assert_problem(refused, 404, "approval_not_found")
    assert_problem(await api.get(f"/api/jobs/{uuid4()}/approvals/{key}"), 404, "job_not_found")


@pytest.mark.parametrize(
    "query", ["status=open", "state=decided", "cursor=!", f"cursor={pack([1, 2])}", NUL_CURSOR]
)
async def test_a_list_that_nobody_could_mean_is_refused(api, query):
    assert_problem(await api.get(f"/api/approvals?{query}"), 400, "invalid_request")


async def test_another_tenant_neither_sees_nor_decides(gateway, house):
    closed = with_settings(gateway, api_tokens={"a-token-of-ours": "default", "theirs-1": "them"})
    async with served(closed) as api:
        ours, theirs = ({"Authorization": f"Bearer {t}"} for t in ("a-token-of-ours", "theirs-1"))
        api.headers.update(ours)
        job_id = await asked(api)
        [shown] = await opened(api, job_id)
        api.headers.update(theirs)
        assert (await api.get("/api/approvals")).json() == {"approvals": [], "next": None}
        assert_problem(await api.get(shown["links"]["self"]), 404, "job_not_found")
        body = {"digest": shown["digest"]}
        refused = await api.post(shown["links"]["approve"], json=body)
        assert_problem(refused, 404, "job_not_found")
