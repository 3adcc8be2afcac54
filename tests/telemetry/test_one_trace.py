"""One trace from the POST to the callback, through true processes, as a collector gets it."""

import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from jobs.status import JobStatus
from jobs.values import JobId
from local.ports import free_port
from local.processes import Process
from tests.callbacks.receiver import receiving
from tests.installation import ROOT, Installation
from tests.telemetry.collector import Collector, collecting

GATEWAY, WORKER = "backburner-gateway", "backburner-worker"

EXPECTED = {
    (GATEWAY, "POST /api/jobs"),
    (GATEWAY, "StartWorkflow:summarize_text"),
    (WORKER, "RunWorkflow:summarize_text"),
    (WORKER, "StartActivity:respond"),
    (WORKER, "RunActivity:respond"),
    (WORKER, "chat gpt-6.1-terra"),
    (WORKER, "StartActivity:record_finished"),
    (WORKER, "RunActivity:record_finished"),
    (WORKER, "CompleteWorkflow:summarize_text"),
    (WORKER, "StartWorkflow:delivery"),
    (WORKER, "RunWorkflow:delivery"),
    (WORKER, "StartActivity:attempt_callback"),
    (WORKER, "RunActivity:attempt_callback"),
    (WORKER, "POST"),
    (WORKER, "CompleteWorkflow:delivery"),
}

COUNTED = {
    (GATEWAY, "backburner_jobs_submitted"),
    (WORKER, "backburner_jobs_ended"),
    (WORKER, "backburner_ambiguous_submits"),
    (WORKER, "backburner_responses_waiting"),
    (WORKER, "backburner_submits"),
    (WORKER, "backburner_delivery_attempts"),
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def watched(house: Installation, collector: Collector) -> None:
    house.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }


@asynccontextmanager
async def gateway_process(house: Installation) -> AsyncIterator[httpx2.AsyncClient]:
    port = free_port()
    process = Process(
        [sys.executable, "-m", "api"],
        log_file=house.logs / "gateway.log",
        environment=house.environment | {"BACKBURNER_PORT": str(port)},
        working_directory=ROOT,
    )
    async with process, httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def is_ready() -> bool:
            try:
                return (await client.get("/readyz")).status_code == 200
            except httpx2.TransportError:
                return False

        await process.wait_ready(is_ready)
        yield client


@pytest.mark.timeout(180)
async def test_one_trace_spans_the_post_the_workflow_its_deeds_the_provider_and_the_callback(
    bare: Installation, collector: Collector
):
    watched(bare, collector)
    async with receiving() as receiver, gateway_process(bare) as client, bare.worker_process():
        body = {"type": "summarize_text", "payload": {"text": "The pilot ran for six weeks."}}
        body |= {"callback_url": f"{receiver.url}?token=secret"}
        accepted = await client.post("/api/jobs", json=body)
        job_id = JobId(uuid.UUID(accepted.json()["job_id"]))
        assert (await bare.ended(job_id)).status is JobStatus.SUCCEEDED
        assert await bare.closed(job_id) == "COMPLETED"
        [told] = await receiver.got()
        assert await bare.closed(JobId(uuid.UUID(told.id))) == "COMPLETED"
    # Both processes have ended by now and have sent what they held.
    [post] = [span for _, span in collector.spans if span.name == "POST /api/jobs"]
    assert not post.parent_span_id
    trace = [each for each in collector.spans if each[1].trace_id == post.trace_id]
    assert {(service, span.name) for service, span in trace} == EXPECTED
    assert len(trace) == len(EXPECTED), "nothing is told twice"
    known = {span.span_id for _, span in trace}
    assert all(span.parent_span_id in known for _, span in trace if span is not post)
    assert collector.metrics >= COUNTED
    [callback] = [span for _, span in trace if span.name == "POST"]
    # The receiver's own trace can go on from ours, and ours tells nobody the receiver's secrets.
    sampled = f"00-{post.trace_id.hex()}-{callback.span_id.hex()}-01"
    assert told.headers["traceparent"] == sampled
    assert "secret" not in str(callback)
    shown = {each.key: each.value for each in callback.attributes}
    assert shown["http.response.status_code"].int_value == 204


async def test_a_receiver_gets_no_trace_where_nobody_collects_any(house: Installation):
    async with receiving() as receiver:
        await house.submit("summarize_text", {"text": "x"}, callback_url=receiver.url)
        [told] = await receiver.got()
    assert "traceparent" not in told.headers
