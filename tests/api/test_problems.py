import asyncio
import dataclasses
import json
import logging

import pytest

from jobs.errors import ServiceUnavailable
from jobs.mistakes import MOST_MISTAKES
from tests.api.conftest import TEXT, assert_problem, served


async def test_unknown_paths_and_methods_are_problems_too(api):
    for path in ("/", "/api", "/api/jobs/", "/api/nothing", "/%ff"):
        assert_problem(await api.get(path), 404, "unknown_route")
    wrong = await api.delete("/api/jobs")
    assert_problem(wrong, 405, "method_not_allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "POST"}


async def test_a_claimed_size_is_refused_on_every_route(api):
    reply = await api.request("GET", "/api/jobs", content=b" " * 200_001)
    assert_problem(reply, 413, "request_too_large")


async def test_a_defect_is_told_without_its_secrets_and_logged_with_the_request_id(gateway, caplog):
    class Broken:
        async def fetchrow(self, *_):
            raise ZeroDivisionError("the secret")

    async with served(dataclasses.replace(gateway, db=Broken())) as api:
        reply = await api.post("/api/jobs", json=TEXT)
    problem = assert_problem(reply, 500, "internal_error")
    assert "secret" not in reply.text
    assert any(
        problem["request_id"] in record.getMessage() and record.exc_info
        for record in caplog.records
    )


async def test_a_refusal_is_one_line_of_log_with_the_request_id(api, caplog):
    caplog.set_level(logging.INFO, "api")
    reply = await api.get("/api/job-types/nope")
    [line] = [r.getMessage() for r in caplog.records if r.name == "api.problems"]
    logged = json.loads(line)
    assert logged["request_id"] == reply.headers["x-request-id"]
    assert logged["code"] == "unknown_job_type"


MANY = {
    "not storable": {**TEXT, "payload": {"text": "a", "x": ["\0"] * 5000}},
    "labels": {**TEXT, "labels": {f"/{each}": "" for each in range(5000)}},
    "unknown fields": {**TEXT, "payload": {f"x{each}": 1 for each in range(5000)}},
    "a long name": {**TEXT, "payload": {"text": "a", "x" * 50_000: ["\0"] * 5000}},
}


@pytest.mark.parametrize("case", MANY)
async def test_a_problem_tells_so_many_mistakes_and_that_there_are_more(api, case):
    reply = await api.post("/api/jobs", json=MANY[case])
    problem = assert_problem(reply, 422, "invalid_payload")
    assert 1 <= len(problem["errors"]) <= MOST_MISTAKES
    assert problem["more_errors"] is True
    assert len(reply.content) < 200_000


async def test_a_problem_that_tells_all_mistakes_does_not_speak_of_more(api):
    reply = await api.post("/api/jobs", json={**TEXT, "payload": {"a": 1, "b": 2}})
    problem = assert_problem(reply, 422, "invalid_payload")
    assert len(problem["errors"]) == 3
    assert "more_errors" not in problem


async def test_job_types_are_listed_with_their_schemas(api):
    types = (await api.get("/api/job-types")).json()["job_types"]
    assert {"summarize_documents", "summarize_text"} <= {each["name"] for each in types}
    one = (await api.get("/api/job-types/summarize_text")).json()
    assert one["input"]["properties"].keys() >= {"text"}
    assert one["expected_seconds"] == 30
    assert_problem(await api.get("/api/job-types/nope"), 404, "unknown_job_type")


async def test_the_probes_answer(api):
    for path in ("/livez", "/readyz"):
        assert (await api.get(path)).json() == {"status": "ok"}


@pytest.mark.parametrize(("away", "status"), [(False, 200), (True, 503)])
async def test_a_crowd_that_asks_whether_it_can_work_costs_one_look(
    gateway, monkeypatch, away, status
):
    monkeypatch.setattr("api.readiness.SILENT_SECONDS", 60)
    looks = 0

    class Store:
        async def probe(self):
            nonlocal looks
            looks += 1
            if away:
                raise ServiceUnavailable("away")

    async with served(dataclasses.replace(gateway, objects=Store())) as api:
        replies = await asyncio.gather(*(api.get("/readyz") for _ in range(20)))
    assert {reply.status_code for reply in replies} == {status}
    assert looks == 1


async def test_an_outage_and_its_end_are_seen_when_what_was_known_is_old(gateway, monkeypatch):
    for name in ("FRESH_SECONDS", "SILENT_SECONDS"):
        monkeypatch.setattr(f"api.readiness.{name}", 0)
    answers = iter([True, False, True])

    class Store:
        async def probe(self):
            if not next(answers):
                raise ServiceUnavailable("away")

    async with served(dataclasses.replace(gateway, objects=Store())) as api:
        statuses = [(await api.get("/readyz")).status_code for _ in range(3)]
    assert statuses == [200, 503, 200]


@pytest.mark.parametrize("path", ["/docs", "/docs/errors"])
async def test_the_documentation_needs_nothing_from_elsewhere(api, path):
    page = await api.get(path)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "//" not in page.text.replace("<!doctype", "")
