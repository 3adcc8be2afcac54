"""The road for short questions: in front of everything, and waited for without being asked to."""

import asyncio
import dataclasses

import pytest

from jobs.model import Failure
from jobs.status import JobStatus
from tests.api.conftest import TEXT, assert_problem, ended, served

QUICK, BODY = "/api/quick/summarize_text", {"payload": TEXT["payload"]}


@pytest.fixture
async def hasty(gateway):
    settings = gateway.settings.model_copy(update={"max_wait_seconds": 1})
    async with served(dataclasses.replace(gateway, settings=settings)) as api:
        yield api


async def end_when_it_comes(gateway, status=JobStatus.SUCCEEDED, **more):
    while not (rows := await gateway.db.fetch("SELECT id FROM jobs")):
        await asyncio.sleep(0.01)  # the row is written by the request under test
    await ended(gateway, rows[0]["id"], status, **more)


async def test_the_reply_brings_the_result(api, gateway):
    reply, _ = await asyncio.gather(api.post(QUICK, json=BODY), end_when_it_comes(gateway))
    assert reply.status_code == 200
    assert "preference-applied" not in reply.headers  # nothing was asked for
    assert reply.json()["result"] == {"summary": "It worked."}
    assert reply.headers["location"] == f"/api/jobs/{reply.json()['job_id']}"


async def test_a_job_that_fails_is_told_with_its_error(api, gateway):
    failure = Failure(code="response_refused", message="no")
    reply, _ = await asyncio.gather(
        api.post(QUICK, json=BODY), end_when_it_comes(gateway, JobStatus.FAILED, failure=failure)
    )
    assert (reply.status_code, reply.json()["status"]) == (200, "failed")
    assert reply.json()["error"]["code"] == "response_refused"


async def test_a_job_that_takes_longer_goes_on_and_is_not_made_twice(hasty, gateway):
    key = {"Idempotency-Key": "k"}
    first = await hasty.post(QUICK, json=BODY, headers=key)
    assert first.status_code == 202
    assert int(first.headers["retry-after"]) >= 1
    job_id = first.json()["job_id"]
    assert (await hasty.get(f"/api/jobs/{job_id}")).json()["status"] == "pending"
    await ended(gateway, job_id)
    again = await hasty.post(QUICK, json=BODY, headers=key)
    assert (again.status_code, again.json()["job_id"]) == (200, job_id)
    assert again.headers["idempotent-replayed"] == "true"
    assert await gateway.db.fetchval("SELECT count(*) FROM jobs") == 1


@pytest.mark.parametrize(("wish", "granted"), [("wait=1", "wait=1"), ("wait=0", None)])
async def test_a_client_may_wait_for_less(api, wish, granted):
    reply = await api.post(QUICK, json=BODY, headers={"Prefer": wish})
    assert reply.status_code == 202
    assert reply.headers.get("preference-applied") == granted


async def test_it_goes_before_all_others(hasty, gateway):
    options = {"model": "gpt-5-nano", "max_tries": 2}
    reply = await hasty.post(QUICK, json={**BODY, "options": options, "labels": {"team": "a"}})
    job_id = reply.json()["job_id"]
    shown = (await hasty.get(f"/api/jobs/{job_id}")).json()
    assert (shown["type"], shown["labels"]) == ("summarize_text", {"team": "a"})
    chosen = await gateway.db.fetchval("SELECT options FROM jobs WHERE id = $1", job_id)
    assert {**options, "priority": 1}.items() <= chosen.items()
    handle = gateway.temporal.get_workflow_handle(job_id)
    assert (await handle.describe()).raw_info.priority.priority_key == 1


MISTAKES = {
    "unknown type": ("nope", BODY, 404, "unknown_job_type", None),
    "no type": ("%00", BODY, 404, "unknown_job_type", None),
    "payload": ("summarize_text", {"payload": {}}, 422, "invalid_payload", "/payload/text"),
    "type twice": ("summarize_text", TEXT, 422, "invalid_payload", "/type"),
    "priority": (
        "summarize_text",
        {**BODY, "options": {"priority": 3}},
        422,
        "invalid_payload",
        "/options/priority",
    ),
    "nul": (
        "summarize_text",
        {"payload": {"text": "a\0"}},
        422,
        "invalid_payload",
        "/payload/text",
    ),
    "callback": (
        "summarize_text",
        {**BODY, "callback_url": "http://10.0.0.1"},
        422,
        "callback_refused",
        "/callback_url",
    ),
}


@pytest.mark.parametrize(
    ("name", "body", "status", "code", "pointer"), MISTAKES.values(), ids=MISTAKES.keys()
)
async def test_a_mistake_is_refused_at_once(api, gateway, name, body, status, code, pointer):
    reply = await api.post(f"/api/quick/{name}", json=body)
    problem = assert_problem(reply, status, code)
    assert [each["pointer"] for each in problem["errors"]] == ([pointer] if pointer else [])
    assert await gateway.db.fetchval("SELECT count(*) FROM jobs") == 0
