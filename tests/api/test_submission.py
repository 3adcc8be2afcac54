import asyncio
import dataclasses
import gzip

import pytest

from settings import CallbackSettings
from storage import executions
from storage.executions import Life
from tests.api.conftest import TEXT, assert_problem, ended, served, submitted, without_temporal


async def test_a_job_is_accepted_recorded_and_started(api, gateway):
    reply = await api.post("/api/jobs", json={**TEXT, "labels": {"team": "a"}})
    job = reply.json()
    assert reply.status_code == 202
    assert reply.headers["location"] == f"/api/jobs/{job['job_id']}" == job["links"]["self"]
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.headers["cache-control"] == "no-store"
    assert job["status"] == "pending"
    assert job["estimated_completion_seconds"] == 30
    assert job["links"]["temporal_ui"].endswith(f"/namespaces/default/workflows/{job['job_id']}")
    assert await executions.look(gateway.temporal, job["job_id"]) is Life.OPEN
    stored = (await api.get(reply.headers["location"])).json()
    assert stored["labels"] == {"team": "a"}


async def test_fifty_identical_posts_with_one_key_make_one_job(api, gateway):
    posts = [
        api.post("/api/jobs", json=TEXT, headers={"Idempotency-Key": "same"}) for _ in range(50)
    ]
    replies = await asyncio.gather(*posts)
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json()["job_id"] for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert await gateway.db.fetchval("SELECT count(*) FROM jobs") == 1
    handle = gateway.temporal.get_workflow_handle(replies[0].json()["job_id"])
    assert (await handle.describe()).workflow_type == "summarize_text"


async def test_a_used_key_with_another_body_is_refused(api):
    key = {"Idempotency-Key": '"quoted"'}
    await api.post("/api/jobs", json=TEXT, headers=key)
    other = {**TEXT, "labels": {"team": "b"}}
    reply = await api.post("/api/jobs", json=other, headers={"Idempotency-Key": "quoted"})
    assert_problem(reply, 422, "idempotency_key_reused")


async def test_a_replay_is_answered_though_the_job_would_be_refused_by_now(gateway, subtests):
    async with served(gateway) as api:
        files = {"files": ("a.txt", b"The pilot ran for six weeks.")}
        [uploaded] = (await api.post("/api/documents", files=files)).json()["documents"]
        document = {"document_ids": [uploaded["document_id"]]}
        bodies = {
            "document": {"type": "summarize_documents", "payload": document},
            "callback": {**TEXT, "callback_url": "http://127.0.0.1:9/hook"},
            "type": {"type": "combine_summaries", "payload": {"summaries": ["a", "b"]}},
        }
        first = {
            case: (await api.post("/api/jobs", json=body, headers={"Idempotency-Key": case})).json()
            for case, body in bodies.items()
        }
        await api.delete(f"/api/documents/{uploaded['document_id']}")
    strict = dataclasses.replace(
        gateway,
        callbacks=CallbackSettings(),  # none to private networks
        job_types={
            name: each for name, each in gateway.job_types.items() if name != "combine_summaries"
        },
    )
    async with served(strict) as api:
        for case, body in bodies.items():
            with subtests.test(case):
                refused = await api.post("/api/jobs", json=body)
                assert refused.status_code in {404, 422}
                key = {"Idempotency-Key": case}
                again = await api.post("/api/jobs", json=body, headers=key)
                assert again.status_code == 202, again.text
                assert again.headers["idempotent-replayed"] == "true"
                assert again.json()["job_id"] == first[case]["job_id"]
                other = {**body, "labels": {"team": "b"}}
                reused = await api.post("/api/jobs", json=other, headers=key)
                assert_problem(reused, 422, "idempotency_key_reused")


async def test_a_malformed_key_is_refused(api, subtests):
    for key in ("", "a b", "x" * 256, '"open', '"a\\b"', b"\xe4"):
        with subtests.test(key=key):
            reply = await api.post("/api/jobs", json=TEXT, headers={"Idempotency-Key": key})
            problem = assert_problem(reply, 400, "invalid_request")
            assert problem["errors"][0]["parameter"] == "Idempotency-Key"


async def test_a_replay_of_a_finished_job_returns_its_result(api, gateway):
    key = {"Idempotency-Key": "k"}
    first = await api.post("/api/jobs", json=TEXT, headers=key)
    await ended(gateway, first.json()["job_id"])
    again = await api.post("/api/jobs", json=TEXT, headers=key)
    assert again.status_code == 200
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["result"] == {"summary": "It worked."}


async def test_a_job_that_ends_within_the_wait_comes_with_its_result(api, gateway):
    async def end_it() -> None:
        while not (rows := await gateway.db.fetch("SELECT id FROM jobs")):
            await asyncio.sleep(0.01)  # the row is written by the request under test
        await ended(gateway, rows[0]["id"])

    waiting = api.post("/api/jobs", json=TEXT, headers={"Prefer": "respond-async, wait=15"})
    reply, _ = await asyncio.gather(waiting, end_it())
    assert reply.status_code == 200
    assert reply.headers["preference-applied"] == "wait=15"
    assert reply.json()["result"] == {"summary": "It worked."}


async def test_a_wait_is_capped_and_ends_in_202(gateway):
    settings = gateway.settings.model_copy(update={"max_wait_seconds": 1})
    async with served(dataclasses.replace(gateway, settings=settings)) as api:
        reply = await api.post("/api/jobs", json=TEXT, headers={"Prefer": "wait=600"})
    assert reply.status_code == 202
    assert reply.headers["preference-applied"] == "wait=1"


async def test_temporal_being_down_does_not_lose_the_job(gateway):
    async with served(await without_temporal(gateway)) as api:
        job_id = await submitted(api)
        assert (await api.get(f"/api/jobs/{job_id}")).json()["status"] == "pending"
        ready = await api.get("/readyz")
        assert_problem(ready, 503, "service_unavailable")
        assert [each["parameter"] for each in ready.json()["errors"]] == ["temporal"]
    async with served(gateway) as api:
        assert (await api.get("/readyz")).status_code == 200


ONE, OTHER = "019ab2c4-5d6e-7f80-9123-456789abcdef", "019ab2c4-5d6e-7f80-9123-456789abcdee"
MISTAKES = {
    "unknown type": ({"type": "nope", "payload": {}}, 404, "unknown_job_type", None),
    "payload": ({**TEXT, "payload": {"text": ""}}, 422, "invalid_payload", "/payload/text"),
    "blank": ({**TEXT, "payload": {"text": " \n\t"}}, 422, "invalid_payload", "/payload/text"),
    "blank in a list": (
        {"type": "combine_summaries", "payload": {"summaries": [" ", ""]}},
        422,
        "invalid_payload",
        "/payload/summaries",
    ),
    "missing": ({**TEXT, "payload": {}}, 422, "invalid_payload", "/payload/text"),
    "no payload": ({"type": "summarize_text"}, 422, "invalid_payload", "/payload"),
    "stray": ({**TEXT, "colour": 1}, 422, "invalid_payload", "/colour"),
    "callback": (
        {**TEXT, "callback_url": "http://10.0.0.1"},
        422,
        "callback_refused",
        "/callback_url",
    ),
    "notify": ({**TEXT, "notify": ["nobody"]}, 422, "channel_not_found", "/notify/0"),
    "notify's name": ({**TEXT, "notify": [{}]}, 422, "invalid_payload", "/notify/0/channel"),
    "options": (
        {**TEXT, "options": {"max_tries": 99}},
        422,
        "invalid_payload",
        "/options/max_tries",
    ),
    "label": ({**TEXT, "labels": {"a/b": "x"}}, 422, "invalid_payload", "/labels/a~1b"),
    "labels": (
        {**TEXT, "labels": {f"l{n}": "" for n in range(21)}},
        422,
        "invalid_payload",
        "/labels",
    ),
    "nul": ({**TEXT, "payload": {"text": "a\0"}}, 422, "invalid_payload", "/payload/text"),
    "nul in a name": ({**TEXT, "labels": {"a\0": ""}}, 422, "invalid_payload", "/labels"),
    "documents": (
        {"type": "summarize_documents", "payload": {"document_ids": [str(TEXT)]}},
        422,
        "invalid_payload",
        "/payload/document_ids/0",
    ),
    "a document twice": (
        {
            "type": "summarize_documents",
            "payload": {"document_ids": [ONE, OTHER, ONE.upper()]},
        },
        422,
        "invalid_payload",
        "/payload/document_ids/2",
    ),
    "too many documents": (
        {
            "type": "summarize_documents",
            "payload": {"document_ids": ["019ab2c4-5d6e-7f80-9123-456789abcdef"] * 201},
        },
        422,
        "invalid_payload",
        "/payload/document_ids",
    ),
    "absent document": (
        {
            "type": "summarize_documents",
            "payload": {"document_ids": ["019ab2c4-5d6e-7f80-9123-456789abcdef"]},
        },
        422,
        "document_not_found",
        "/payload/document_ids/0",
    ),
}


async def test_a_mistake_is_pointed_at_and_starts_nothing(api, gateway, subtests):
    for case, (body, status, code, at) in MISTAKES.items():
        with subtests.test(case):
            problem = assert_problem(await api.post("/api/jobs", json=body), status, code)
            assert at is None or problem["errors"][0]["pointer"] == at
            assert await gateway.db.fetchval("SELECT count(*) FROM jobs") == 0


GARBAGE = {
    "no JSON": (b"{", 400),
    "not UTF-8": (b'{"type": "\xff"}', 400),
    "nothing": (b"", 422),
    "an array": (b"[]", 422),
    "null": (b"null", 422),
    "a lone surrogate": (
        b'{"type": "summarize_text", "payload": {"text": "\\ud800"}}',
        422,
    ),
    "NaN": (b'{"type": "summarize_text", "payload": {"text": "a", "x": NaN}}', 422),
    "infinity": (b'{"type": "summarize_text", "payload": {"text": "a", "x": 1e999}}', 422),
    "too deep": (
        b'{"type": "summarize_text", "payload": {"text": "a", "x": '
        + b"[" * 500
        + b"]" * 500
        + b"}}",
        422,
    ),
    "far too deep": (b"[" * 100_000, 400),
    "a number too long": (
        b'{"type": "summarize_text", "payload": {"x": 1' + b"0" * 9000 + b"}}",
        400,
    ),
    "too large": (b'"' + b"a" * 200_001 + b'"', 413),
}


async def test_garbage_is_a_clear_refusal(api, subtests):
    headers = {"Content-Type": "application/json"}
    for case, (body, status) in GARBAGE.items():
        with subtests.test(case):
            reply = await api.post("/api/jobs", content=body, headers=headers)
            assert_problem(reply, status, reply.json()["code"])
            assert reply.json()["code"] not in {"internal_error", "error"}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (gzip.compress(b"{}"), "the body is not UTF-8; compressed bodies are not taken"),
        (GARBAGE["far too deep"][0], "the body is nested too deeply"),
        (GARBAGE["a number too long"][0], "the body holds a number of too many digits"),
    ],
    ids=["compressed", "deep", "digits"],
)
async def test_what_cannot_be_parsed_is_told_apart(api, body, detail):
    headers = {"Content-Type": "application/json"}
    reply = await api.post("/api/jobs", content=body, headers=headers)
    assert assert_problem(reply, 400, "invalid_request")["detail"] == detail


async def test_a_body_that_is_not_declared_as_json_is_refused(api):
    reply = await api.post("/api/jobs", content=b"{}", headers={"Content-Type": "text/plain"})
    assert_problem(reply, 415, "unsupported_media_type")


async def test_an_oversize_body_without_a_length_is_cut_off(api):
    async def pieces():
        for _ in range(5):
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    reply = await api.post("/api/jobs", content=pieces(), headers=headers)
    problem = assert_problem(reply, 413, "request_too_large")
    assert "BACKBURNER_MAX_REQUEST_BYTES" in problem["advice"]
    assert reply.headers["connection"] == "close"
