"""What the gateway says about a job before anybody submits it."""

from decimal import Decimal
from uuid import uuid4

from tests.api.conftest import TEXT, assert_problem, ended, submitted

PRICED = """UPDATE jobs SET settled_responses = 1, cost_usd = $2,
    completed_at = created_at + make_interval(secs => $3) WHERE id = $1"""


async def finished(api, gateway, usd: str, seconds: float) -> None:
    job_id = await submitted(api)
    await ended(gateway, job_id)
    await gateway.db.execute(PRICED, job_id, Decimal(usd), seconds)


async def test_without_history_the_price_is_unknown_and_the_type_says_how_long(api, gateway):
    reply = await api.post("/api/jobs/estimate", json=TEXT)
    assert reply.status_code == 200
    told = reply.json()
    assert (told["typical_seconds"], told["late_seconds"], told["jobs"]) == (30, 30, 1)
    assert told["usd"] == {"low": None, "typical": None, "high": None}
    [unknown] = told["unknown"]
    assert unknown["pointer"] == "/payload"
    assert "summarize_text" in unknown["detail"]
    assert told["mermaid"] == 'flowchart TD\n  n1["summarize_text"]'
    assert await gateway.db.fetchval("SELECT count(*) FROM jobs") == 0


async def test_finished_jobs_tell_price_and_duration(api, gateway):
    for number in range(1, 6):
        await finished(api, gateway, f"0.0{number}", number * 10)
    told = (await api.post("/api/jobs/estimate", json=TEXT)).json()
    assert told["usd"] == {"low": "0.01", "typical": "0.03", "high": "0.05"}
    assert (told["typical_seconds"], told["late_seconds"]) == (30, 48)
    assert told["unknown"] == []


async def test_what_others_ran_does_not_show_in_an_estimate(api, gateway):
    for number in range(1, 6):
        await finished(api, gateway, f"0.0{number}", number * 100)
    await gateway.db.execute("UPDATE jobs SET tenant = 'another'")
    told = (await api.post("/api/jobs/estimate", json=TEXT)).json()
    assert (told["typical_seconds"], told["usd"]["typical"]) == (30, None)
    assert len(told["unknown"]) == 1


async def test_a_job_that_could_not_be_submitted_cannot_be_estimated(api):
    reply = await api.post("/api/jobs/estimate", json={"type": "nothing", "payload": {}})
    assert_problem(reply, 404, "unknown_job_type")
    reply = await api.post("/api/jobs/estimate", json={**TEXT, "payload": {"text": 5, "x": 1}})
    problem = assert_problem(reply, 422, "invalid_payload")
    assert {each["pointer"] for each in problem["errors"]} == {"/payload/text", "/payload/x"}
    absent = {"document_ids": [str(uuid4())]}
    reply = await api.post(
        "/api/jobs/estimate", json={"type": "summarize_documents", "payload": absent}
    )
    problem = assert_problem(reply, 422, "document_not_found")
    assert problem["errors"][0]["pointer"] == "/payload/document_ids/0"


async def test_the_body_of_a_submission_is_estimated_as_it_is(api):
    more = {"labels": {"a": "b"}, "options": {"priority": 1}, "notify": []}
    body = {**TEXT, **more, "callback_url": "https://example.com/hook"}
    assert (await api.post("/api/jobs/estimate", json=body)).status_code == 200
    body["callback_url"] = "ftp://example.com"
    assert_problem(await api.post("/api/jobs/estimate", json=body), 422, "callback_refused")
