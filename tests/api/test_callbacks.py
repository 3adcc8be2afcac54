"""The log of callbacks, and results behind signed links."""

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jobs.errors import ResultLinkRefused
from jobs.result_links import ResultLink, from_token, to_token
from jobs.status import JobStatus
from jobs.values import JobId
from tests.api.conftest import TEXT, assert_problem, ended, served, submitted
from tests.installation import TENANT

URL = "http://127.0.0.1:9/hook"
SOME_ID = "7b0f4f2e-7d52-4b51-9b43-0c6f1f6f5a10"
HOOKED = TEXT | {"callback_url": URL}


async def test_the_callback_of_a_job_stands_in_its_log(api, gateway):
    job_id = await submitted(api, HOOKED)
    path = f"/api/jobs/{job_id}/callbacks"
    assert (await api.get(path)).json() == {"callbacks": []}
    await ended(gateway, job_id)
    [callback] = (await api.get(path)).json()["callbacks"]
    assert callback["event"] == "job.succeeded"
    assert callback["job_id"] == str(job_id)
    assert (callback["url"], callback["endpoint_id"]) == (URL, None)
    assert (callback["status"], callback["attempt_count"]) == ("pending", 0)
    job = (await api.get(f"/api/jobs/{job_id}")).json()
    assert job["links"]["callbacks"] == path


async def test_a_job_canceled_before_it_started_is_told(api, gateway):
    job_id = await submitted(api, HOOKED)
    await gateway.temporal.get_workflow_handle(str(job_id)).terminate()
    await ended(gateway, job_id, JobStatus.CANCELED)
    [callback] = (await api.get("/api/callbacks")).json()["callbacks"]
    assert callback["event"] == "job.canceled"


async def test_a_replayed_submission_keeps_its_callback(api):
    key = {"Idempotency-Key": "one"}
    first = await api.post("/api/jobs", json=HOOKED, headers=key)
    again = await api.post("/api/jobs", json=HOOKED, headers=key)
    assert again.json()["job_id"] == first.json()["job_id"]
    other = await api.post("/api/jobs", json=TEXT, headers=key)
    assert_problem(other, 422, "idempotency_key_reused")


async def test_the_log_is_filtered_and_paged(api, gateway):
    ids = []
    for status in (JobStatus.SUCCEEDED, JobStatus.CANCELED, JobStatus.CANCELED):
        job_id = await submitted(api, HOOKED)
        await ended(gateway, job_id, status)
        ids.append(str(job_id))
    canceled = await api.get("/api/callbacks", params={"event": "job.canceled"})
    assert [each["job_id"] for each in canceled.json()["callbacks"]] == [ids[2], ids[1]]
    first = await api.get("/api/callbacks", params={"limit": 2})
    assert 'rel="next"' in first.headers["link"]
    rest = await api.get("/api/callbacks", params={"limit": 2, "cursor": first.json()["next"]})
    pages = first.json()["callbacks"] + rest.json()["callbacks"]
    assert [each["job_id"] for each in pages] == ids[::-1]
    assert rest.json()["next"] is None
    none = await api.get("/api/callbacks", params={"status": "delivered"})
    assert none.json()["callbacks"] == []
    assert_problem(await api.get("/api/callbacks?colour=red"), 400, "invalid_request")
    assert_problem(await api.get("/api/callbacks?status=lost"), 400, "invalid_request")


async def test_a_callback_can_be_sent_again(api, gateway):
    job_id = await submitted(api, HOOKED)
    await ended(gateway, job_id)
    await gateway.db.execute("UPDATE deliveries SET status = 'exhausted', ended_at = now()")
    [callback] = (await api.get("/api/callbacks")).json()["callbacks"]
    reply = await api.post(f"/api/callbacks/{callback['callback_id']}/redeliver")
    assert (reply.status_code, reply.json()["status"]) == (202, "pending")
    assert reply.json()["ended_at"] is None


@pytest.mark.parametrize("callback_id", ["none", SOME_ID])
async def test_a_callback_that_does_not_exist_is_not_found(api, callback_id):
    assert_problem(await api.get(f"/api/callbacks/{callback_id}"), 404, "callback_not_found")


def link(gateway, job_id, lifetime: timedelta) -> str:
    found = ResultLink(TENANT, job_id, datetime.now(UTC) + lifetime)
    return f"/api/results/{to_token(found, gateway.secret_keys[0])}"


async def test_a_signed_link_reads_a_result_without_a_token(gateway):
    settings = gateway.settings.model_copy(update={"api_tokens": {"a-token": "default"}})
    async with served(dataclasses.replace(gateway, settings=settings)) as api:
        headers = {"Authorization": "Bearer a-token"}
        job_id = (await api.post("/api/jobs", json=TEXT, headers=headers)).json()["job_id"]
        path = link(gateway, job_id, timedelta(hours=1))
        assert_problem(await api.get(path), 403, "result_link_refused")
        await ended(gateway, job_id)
        reply = await api.get(path)
        assert (reply.status_code, reply.json()) == (200, {"summary": "It worked."})
        assert "no-store" in reply.headers["cache-control"]
        assert (await api.get(f"/api/jobs/{job_id}/result")).status_code == 401


async def test_a_link_whose_time_is_up_reads_nothing(api, gateway):
    job_id = await submitted(api)
    await ended(gateway, job_id)
    problem = assert_problem(
        await api.get(link(gateway, job_id, timedelta(seconds=-1))), 403, "result_link_refused"
    )
    assert "expired" in problem["detail"]


async def test_a_link_that_was_changed_reads_nothing(api, gateway):
    job_id = await submitted(api)
    await ended(gateway, job_id)
    path = link(gateway, job_id, timedelta(hours=1))
    for at in range(len("/api/results/"), len(path), 7):
        changed = path[:at] + ("A" if path[at] != "A" else "B") + path[at + 1 :]
        assert_problem(await api.get(changed), 403, "result_link_refused")


async def test_a_signed_link_is_written_into_no_trace_and_no_log(api, gateway, caplog, monkeypatch):
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)
    caplog.set_level(logging.INFO, "api")
    path = link(gateway, await submitted(api), timedelta(hours=1))
    for method, tried in (("GET", path), ("POST", path), ("GET", f"/prefix{path}/x")):
        assert (await api.request(method, tried)).is_error
    paths = [(each.attributes or {})["url.path"] for each in spans.get_finished_spans()]
    shown = "/api/results/{token}"
    assert paths[1:] == [shown, shown, f"/prefix{shown}"]
    assert caplog.messages
    token = path.rpartition("/")[2]
    assert token not in "".join(caplog.messages)
    assert not any(token in each.to_json() for each in spans.get_finished_spans())


def test_a_link_of_an_older_key_is_read_while_the_key_is_kept():
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    wanted = ResultLink(TENANT, JobId(UUID(SOME_ID)), moment)
    token = to_token(wanted, "old")
    found = from_token(token, ["new", "old"], moment - timedelta(seconds=1))
    assert found == wanted
    with pytest.raises(ResultLinkRefused):
        from_token(token, ["new"], moment - timedelta(seconds=1))
