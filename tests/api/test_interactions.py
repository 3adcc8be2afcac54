import dataclasses
from datetime import timedelta

import pytest
from pydantic import BaseModel

from jobs.registry import JobType
from jobs.status import JobStatus
from storage import jobs
from tests.api.conftest import (
    TEXT,
    assert_problem,
    ended,
    progressed,
    served,
    submitted,
    without_temporal,
)
from tests.installation import TENANT


class Approval(BaseModel):
    by: str
    amount: int = 0


class Question(BaseModel):
    text: str


LISTENER = JobType(
    name="listener",
    title="Listen",
    description="Listens.",
    workflow=object,
    input=Question,
    output=Question,
    expected=timedelta(seconds=5),
    deadline=timedelta(hours=1),
    signals={"approve": Approval, "poke": None},
    queries={"mood": str},
)
JSON = {"Content-Type": "application/json"}
LISTEN = {"type": "listener", "payload": {"text": "x"}}


@pytest.fixture
def gateway(gateway):
    job_types = {**gateway.job_types, "listener": LISTENER}
    return dataclasses.replace(gateway, job_types=job_types)


async def signals_of(gateway, job_id):
    history = await gateway.temporal.get_workflow_handle(str(job_id)).fetch_history()
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]


@pytest.mark.parametrize("body", [None, {}, {"reason": "too late"}])
async def test_a_cancel_is_recorded_and_reaches_the_workflow(api, gateway, body):
    job_id = await submitted(api)
    reply = await api.post(f"/api/jobs/{job_id}/cancel", json=body)
    assert reply.status_code == 202, reply.text
    assert reply.json()["cancel_requested_at"]
    again = await api.post(f"/api/jobs/{job_id}/cancel")
    assert again.status_code == 202
    assert again.json()["cancel_requested_at"] == reply.json()["cancel_requested_at"]
    assert set(await signals_of(gateway, job_id)) == {"cancel"}


async def test_a_cancel_without_content_type_or_body_is_taken(api):
    job_id = await submitted(api)
    assert (await api.post(f"/api/jobs/{job_id}/cancel", content=b"")).status_code == 202


async def test_a_finished_job_is_returned_unchanged_by_a_cancel(api, gateway):
    job_id = await submitted(api)
    await ended(gateway, job_id)
    reply = await api.post(f"/api/jobs/{job_id}/cancel")
    assert reply.status_code == 200
    assert reply.json()["status"] == "succeeded"
    assert reply.json()["cancel_requested_at"] is None


async def test_a_job_that_never_started_is_canceled_in_its_row(gateway):
    async with served(await without_temporal(gateway)) as api:
        job_id = await submitted(api)
        unheard = await api.post(f"/api/jobs/{job_id}/cancel")
        assert unheard.status_code == 202
        assert unheard.json()["status"] == "pending"
    async with served(gateway) as api:
        reply = await api.post(f"/api/jobs/{job_id}/cancel")
        assert reply.status_code == 202
        assert reply.json()["status"] == "canceled"
        assert reply.json()["started_at"] is None
    row = await jobs.get(gateway.db, TENANT, job_id)
    assert row.status is JobStatus.CANCELED


async def test_a_declared_signal_reaches_the_workflow(api, gateway):
    job_id = await submitted(api, LISTEN)
    await progressed(gateway, job_id, 0)
    url = f"/api/jobs/{job_id}/signals"
    assert (await api.post(f"{url}/approve", json={"by": "Ann"})).status_code == 202
    for body in (b"", b"{}", b"null"):
        reply = await api.post(f"{url}/poke", content=body, headers=JSON)
        assert reply.status_code == 202, reply.text
    assert await signals_of(gateway, job_id) == ["approve", "poke", "poke", "poke"]


async def test_a_signal_nobody_declared_or_that_does_not_fit_is_refused(api, gateway):
    job_id = await submitted(api, LISTEN)
    await progressed(gateway, job_id, 0)
    url = f"/api/jobs/{job_id}/signals"
    assert_problem(await api.post(f"{url}/cancel"), 404, "unknown_signal")
    bad = await api.post(f"{url}/approve", json={"by": "Ann", "amount": "much"})
    assert assert_problem(bad, 422, "invalid_payload")["errors"][0]["pointer"] == "/amount"
    empty = await api.post(f"{url}/approve")
    assert assert_problem(empty, 422, "invalid_payload")["errors"][0]["pointer"] == "/by"
    nul = await api.post(f"{url}/approve", json={"by": "\0"})
    assert assert_problem(nul, 422, "invalid_payload")["errors"][0]["pointer"] == "/by"
    much = await api.post(f"{url}/poke", json={"a": 1})
    assert_problem(much, 422, "invalid_payload")


async def test_signals_and_queries_wait_for_the_start_and_end_with_the_job(api, gateway):
    job_id = await submitted(api, LISTEN)
    signal, query = f"/api/jobs/{job_id}/signals/poke", f"/api/jobs/{job_id}/queries/mood"
    for reply in (await api.post(signal), await api.get(query)):
        assert_problem(reply, 409, "job_not_started")
        assert int(reply.headers["retry-after"]) >= 1
    await ended(gateway, job_id)
    for reply in (await api.post(signal), await api.get(query)):
        assert_problem(reply, 409, "job_already_finished")


async def test_an_unknown_query_is_404(api, gateway):
    job_id = await submitted(api, LISTEN)
    await progressed(gateway, job_id, 0)
    assert_problem(await api.get(f"/api/jobs/{job_id}/queries/age"), 404, "unknown_query")


async def test_a_query_no_worker_answers_is_503(api, gateway):
    job_id = await submitted(api, TEXT)
    await progressed(gateway, job_id, 0)
    reply = await api.get(f"/api/jobs/{job_id}/queries/progress")
    assert_problem(reply, 503, "service_unavailable")


async def test_every_running_job_answers_progress_and_cost(api, gateway, house):
    await house.emulator.post("/settings", json={"latency_seconds": 30})
    job_id = await submitted(api, TEXT)
    path = f"/api/jobs/{job_id}"
    while (await api.get(path)).json()["status"] == "pending":
        pass
    progress = await api.get(f"{path}/queries/progress")
    assert progress.json().keys() == {"stage", "current", "total", "percent"}
    cost = await api.get(f"{path}/queries/cost")
    assert cost.json()["responses"] == 0
    assert (await api.post(f"{path}/cancel")).status_code == 202
    reply = await api.get(path, headers={"Prefer": "wait=20"})
    assert reply.json()["status"] == "canceled"
