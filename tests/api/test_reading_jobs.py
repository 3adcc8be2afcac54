import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from jobs.ids import uuid7
from jobs.model import Failure
from jobs.money import Usage
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage import jobs
from storage.jobs import NewJob
from tests.api.conftest import (
    TEXT,
    assert_problem,
    ended,
    progressed,
    served,
    submitted,
    with_settings,
)
from tests.installation import TENANT

NUMBERS = itertools.count()
NOBODY = "019ab2c4-5d6e-7f80-9123-456789abcdef"


async def test_a_job_tells_its_progress_and_its_estimate(api, gateway):
    job_id = await submitted(api)
    await progressed(gateway, job_id, 1)
    reply = await api.get(f"/api/jobs/{job_id}")
    job = reply.json()
    assert job["status"] == "running"
    assert job["progress"] == {"stage": "Reading", "current": 1, "total": 4, "percent": 25}
    assert 1 <= job["estimated_completion_seconds"] <= 30
    assert datetime.fromisoformat(job["estimated_completion_at"]) > datetime.now(UTC)
    assert int(reply.headers["retry-after"]) >= 1


async def test_a_finished_job_has_its_result_and_no_estimate(api, gateway):
    job_id = await submitted(api)
    await ended(gateway, job_id)
    reply = await api.get(f"/api/jobs/{job_id}")
    job = reply.json()
    assert job["status"] == "succeeded"
    assert job["result"] == {"summary": "It worked."}
    assert job["estimated_completion_seconds"] is None
    assert job["cost"]["usd"] is None
    assert job["cost"].keys() >= Usage.model_fields.keys()
    assert "retry-after" not in reply.headers


async def test_a_failed_job_tells_code_message_and_advice(api, gateway):
    job_id = await submitted(api)
    failure = Failure(code="tries_exhausted", message="five tries")
    await ended(gateway, job_id, JobStatus.FAILED, failure=failure)
    error = (await api.get(f"/api/jobs/{job_id}")).json()["error"]
    assert error["code"] == "tries_exhausted"
    assert error["message"] == "five tries"
    assert error["advice"]


async def test_an_unchanged_job_is_304(api, gateway):
    job_id = await submitted(api)
    first = await api.get(f"/api/jobs/{job_id}")
    known = {"If-None-Match": first.headers["etag"]}
    same = await api.get(f"/api/jobs/{job_id}", headers=known)
    assert same.status_code == 304
    assert same.content == b""
    assert same.headers["etag"] == first.headers["etag"]
    await progressed(gateway, job_id, 2)
    assert (await api.get(f"/api/jobs/{job_id}", headers=known)).status_code == 200


async def test_a_long_poll_returns_as_soon_as_the_job_ends(api, gateway):
    job_id = await submitted(api)
    poll = asyncio.create_task(api.get(f"/api/jobs/{job_id}", headers={"Prefer": "wait=15"}))
    await progressed(gateway, job_id, 2)
    await ended(gateway, job_id)
    reply = await poll
    assert reply.json()["status"] == "succeeded"
    assert reply.headers["preference-applied"] == "wait=15"


async def test_an_unknown_job_is_404(api):
    for job_id in (NOBODY, "not-an-id", "%00"):
        for route in ("", "/result", "/events", "/queries/progress"):
            assert_problem(await api.get(f"/api/jobs/{job_id}{route}"), 404, "job_not_found")


async def test_a_result_is_409_until_it_is_there(api, gateway):
    job_id = await submitted(api)
    early = await api.get(f"/api/jobs/{job_id}/result")
    assert_problem(early, 409, "result_not_ready")
    assert int(early.headers["retry-after"]) >= 1
    await ended(gateway, job_id)
    assert (await api.get(f"/api/jobs/{job_id}/result")).json() == {"summary": "It worked."}


@pytest.mark.parametrize(
    ("status", "code"),
    [(JobStatus.FAILED, "output_mismatch"), (JobStatus.CANCELED, "job_canceled")],
)
async def test_a_job_without_result_says_why(api, gateway, status, code):
    job_id = await submitted(api)
    failure = Failure(code=code, message="so it is") if status is JobStatus.FAILED else None
    await ended(gateway, job_id, status, failure=failure)
    problem = assert_problem(await api.get(f"/api/jobs/{job_id}/result"), 409, "no_result")
    assert problem["job_error"]["code"] == code


async def test_a_large_result_is_streamed_from_the_object_store(api, gateway):
    job_id = await submitted(api)
    text = '{"summary": "' + "long " * 100_000 + '"}'
    key = await gateway.objects.put(TENANT, "results", text.encode())
    await ended(gateway, job_id, result=None, result_key=key)
    job = (await api.get(f"/api/jobs/{job_id}")).json()
    assert job["status"] == "succeeded"
    assert job["result"] is None
    reply = await api.get(job["links"]["result"])
    assert reply.headers["content-type"] == "application/json"
    assert reply.text == text


async def insert_many(gateway, count, tenant=TENANT, job_type="summarize_text"):
    ids = []
    for index in range(count):
        number, payload = next(NUMBERS), {"text": str(index)}
        new = NewJob(
            JobId(uuid7(number)), tenant, job_type, payload, labels={"half": str(index % 2)}
        )
        ids.append(str((await jobs.insert(gateway.db, new))[0].id))
    return ids


async def pages(api, **wanted):
    found, cursor = [], None
    while True:
        query = {**wanted, "limit": 3} | ({"cursor": cursor} if cursor else {})
        reply = await api.get("/api/jobs", params=query)
        assert reply.status_code == 200, reply.text
        found += [job["job_id"] for job in reply.json()["jobs"]]
        cursor = reply.json()["next"]
        assert ("link" in reply.headers) == (cursor is not None)
        if cursor is None:
            return found
        following = reply.headers["link"].partition(">")[0].removeprefix("<")
        assert (await api.get(following)).status_code == 200


async def test_paging_yields_every_job_once_newest_first_whatever_is_inserted_meanwhile(
    api, gateway
):
    await insert_many(gateway, 4, tenant=Tenant("somebody-else"))
    ids = await insert_many(gateway, 10)
    # Several rows of one moment: only the id keeps their order.
    await gateway.db.execute("UPDATE jobs SET created_at = date_trunc('day', now())")
    first = (await api.get("/api/jobs", params={"limit": 4})).json()
    await insert_many(gateway, 3)
    rest = (await api.get("/api/jobs", params={"limit": 100, "cursor": first["next"]})).json()
    seen = [job["job_id"] for job in first["jobs"] + rest["jobs"]]
    assert seen == sorted(ids, reverse=True)
    assert rest["next"] is None
    assert len(await pages(api)) == 13


async def test_filters_narrow_the_list(api, gateway):
    ids = await insert_many(gateway, 6)
    await ended(gateway, ids[0])
    other = await insert_many(gateway, 1, job_type="generate_title")
    assert await pages(api, status=["succeeded"]) == [ids[0]]
    assert len(await pages(api, status=["succeeded", "pending"])) == 7
    assert await pages(api, type="generate_title") == other
    assert sorted(await pages(api, **{"label.half": "1"})) == sorted(ids[1::2])
    later = datetime.now(UTC) + timedelta(hours=1)
    assert await pages(api, created_after=later.isoformat()) == []
    assert await pages(api, parent=ids[0]) == []
    await gateway.db.execute("UPDATE jobs SET parent_id = $1 WHERE id = $2", ids[0], ids[1])
    assert await pages(api, parent=ids[0]) == [ids[1]]
    assert await pages(api, root="false") == [ids[1]]
    assert sorted(await pages(api, root="true")) == sorted({*ids, *other} - {ids[1]})
    summary = (await api.get("/api/jobs", params={"status": "succeeded"})).json()["jobs"][0]
    assert "result" not in summary


BAD_QUERIES = {
    "unknown": ({"colour": "red"}, "colour"),
    "limit": ({"limit": 0}, "limit"),
    "limit too large": ({"limit": 101}, "limit"),
    "status": ({"status": "done"}, "status"),
    "cursor": ({"cursor": "%%%"}, "cursor"),
    "cursor of nonsense": ({"cursor": "WzEsMl0"}, "cursor"),
    "naive time": ({"created_after": "2026-01-01T00:00:00"}, "created_after"),
    "time out of range": ({"created_after": "0001-01-01T00:00:00+14:00"}, "created_after"),
    "parent": ({"parent": "x"}, "parent"),
    "root": ({"root": "maybe"}, "root"),
    "nul in type": ({"type": "\0"}, "type"),
    "nul in label": ({"label.a": "\0"}, "label.a"),
}


async def test_a_bad_query_names_its_parameter(api, subtests):
    for case, (query, name) in BAD_QUERIES.items():
        with subtests.test(case):
            reply = await api.get("/api/jobs", params=query)
            problem = assert_problem(reply, 400, "invalid_request")
            assert problem["errors"][0]["parameter"] == name


async def test_a_closed_door_asks_for_a_token_and_tenants_do_not_see_one_another(gateway):
    tokens = {"token-a": "tenant-a", "token-b": "tenant-b"}
    async with served(with_settings(gateway, api_tokens=tokens)) as api:
        refused = await api.post("/api/jobs", json=TEXT)
        assert_problem(refused, 401, "unauthenticated")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("Bearer nope", "Basic token-a", "Bearer"):
            reply = await api.get("/api/jobs", headers={"Authorization": wrong})
            assert_problem(reply, 401, "unauthenticated")
        mine, theirs = ({"Authorization": f"Bearer {token}"} for token in tokens)
        job_id = (await api.post("/api/jobs", json=TEXT, headers=mine)).json()["job_id"]
        assert (await api.get(f"/api/jobs/{job_id}", headers=mine)).status_code == 200
        for path in ("", "/result", "/events", "/queries/cost"):
            reply = await api.get(f"/api/jobs/{job_id}{path}", headers=theirs)
            assert_problem(reply, 404, "job_not_found")
        for path in ("/cancel", "/signals/x"):
            reply = await api.post(f"/api/jobs/{job_id}{path}", headers=theirs)
            assert_problem(reply, 404, "job_not_found")
        assert (await api.get("/api/jobs", headers=theirs)).json()["jobs"] == []
        for path in ("/livez", "/readyz", "/docs", "/openapi.json"):
            assert (await api.get(path)).status_code == 200
