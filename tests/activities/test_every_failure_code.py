"""Every failure code is reached: by a deed against the emulator through the real SDK, or by a job.

A code that is added to `jobs/errors/failures.py` without a scenario here fails this file.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import pytest

import tests.workflows.job_types  # noqa: F401 # its job types are discovered when it is imported
from activities.extraction.extract import extract
from activities.extraction.limits import ExtractionLimits
from jobs.errors import (
    DocumentFailure,
    JobError,
    JobFailure,
    every_error,
)
from jobs.errors import failures as failure_module
from jobs.options import JobOptions, ResponseOptions
from jobs.polling import Ceilings
from jobs.requests import CancelRequest, ResponseRequest, StepRequest, TextPart
from jobs.values import JobId
from storage import job_moves
from tests.activities.bench import MODEL, TEXT, Bench, benched, created, scripted
from tests.activities.lost import Brisk
from tests.activities.papers import stored_document
from tests.activities.status_server import says, status_server
from tests.extraction.documents import bomb_pdf, encrypted_pdf, scanned_pdf, written_pdf
from tests.installation import TENANT, Installation, eventually
from tests.workflows.job_types import End

BASES = {JobFailure, DocumentFailure}
CODES = {
    kind.code
    for kind in every_error()
    if kind.__module__ == failure_module.__name__ and kind not in BASES
}
DAY, NOW = timedelta(days=1), timedelta(0)
NOWHERE = "http://127.0.0.1:9/v1"

ByDeed = Callable[[Bench], Awaitable[object]]
ByJob = Callable[[Installation], Awaitable[JobId]]


def responding(*, tries: int = 1, **script: Any) -> ByDeed:
    """Return the scenario of a step whose responses follow a script, tried so often."""

    async def scenario(bench: Bench) -> None:
        step = await bench.step(scripted(**{"run_seconds": 0, "queued_seconds": 0} | script))
        await tried(bench, step, tries)

    return scenario


async def tried(bench: Bench, step: StepRequest, tries: int = 1) -> None:
    """Make attempts as Temporal does; the last one's error counts."""
    for _ in range(tries - 1):
        with pytest.raises(JobError):
            await bench.respond(step)
    await bench.respond(step)


async def tries_exhausted(bench: Bench) -> None:
    text = scripted(fault="server_error", fault_times=9)
    await tried(bench, await bench.step(text, max_tries=2), 3)


async def submit_parked(bench: Bench) -> None:
    text = scripted(fault="drop_after", fault_times=9)
    await tried(bench, await bench.step(text, on_uncertain="park"), 2)


async def provider_failure(bench: Bench) -> None:
    step = await bench.step(scripted(outcome="stuck", cancel_fault="server_error"))
    await bench.submit(step)
    request = CancelRequest(job=step.job, reason="", job_too=False)
    await bench.run(bench.deeds.responses.cancel_responses, request)


async def provider_unreachable(bench: Bench) -> None:
    async with benched(bench.house, NOWHERE) as lonely:
        await lonely.respond(await lonely.step())


async def response_truncated(bench: Bench) -> None:
    options = ResponseOptions(model=MODEL, on_incomplete="extend", max_output_tokens=100)
    text = TextPart(text=scripted(outcome="incomplete"))
    await bench.respond(await bench.step(request=ResponseRequest(input=(text,), options=options)))


async def response_stuck_queued(bench: Bench) -> None:
    ceilings = Ceilings(queued=NOW, running=DAY)
    await bench.respond(await bench.step(scripted(queued_seconds=999), ceilings=ceilings))


async def response_stuck(bench: Bench) -> None:
    text = scripted(queued_seconds=0, outcome="stuck")
    await bench.respond(await bench.step(text, ceilings=Ceilings(queued=DAY, running=NOW)))


async def response_calls_tools(bench: Bench) -> None:
    call = {"id": "fc_1", "type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"}
    async with status_server() as server, benched(bench.house, server.url) as calling:
        server.creates = [says("completed", output=[call])]
        await calling.respond(await calling.step())


async def response_canceled_upstream(bench: Bench) -> None:
    step = await bench.step(scripted(outcome="stuck"))
    left = await bench.submit(step)
    async with httpx2.AsyncClient(base_url=bench.house.environment["OPENAI_BASE_URL"]) as somebody:
        headers = {"Authorization": "Bearer k"}
        await somebody.post(f"/responses/{left.response_id}/cancel", headers=headers)
    await bench.respond(step)


async def response_expired(bench: Bench) -> None:
    text = TextPart(text=scripted(run_seconds=0.05, queued_seconds=0, expire_seconds=0))
    options = ResponseOptions(model=MODEL, store=False)
    step = await bench.step(request=ResponseRequest(input=(text,), options=options))
    await bench.submit(step)
    await bench.age(step, "submitted_at", 60)
    await bench.respond(step)


async def job_canceled(bench: Bench) -> None:
    step = await bench.step()
    await job_moves.request_cancel(bench.house.db, TENANT, step.job.job_id, by="t", reason=None)
    await bench.respond(step)


async def step_taken_over(bench: Bench) -> None:
    step = await bench.step()
    await bench.open_intent(step)
    await bench.deeds.responses.submitter.submit(step, [])


async def worker_draining(bench: Bench) -> None:
    bench.deeds.watcher.drain()
    await bench.respond(await bench.step(scripted(outcome="stuck")))


BY_DEED: dict[str, ByDeed] = {
    "provider_failure": provider_failure,
    "provider_unreachable": provider_unreachable,
    "provider_rate_limited": responding(fault="rate_limited"),
    "provider_quota_exhausted": responding(fault="quota"),
    "provider_overloaded": responding(fault="overloaded"),
    "provider_bad_request": responding(fault="bad_request"),
    "provider_unauthorized": responding(fault="unauthorized"),
    "provider_not_found": responding(fault="model_not_found"),
    "submit_uncertain": responding(fault="drop_after"),
    "submit_parked": submit_parked,
    "response_failed": responding(outcome="failed", error_code="invalid_prompt"),
    "response_failed_transiently": responding(outcome="failed"),
    "response_incomplete": responding(outcome="incomplete"),
    "response_refused": responding(outcome="refusal"),
    "response_truncated": response_truncated,
    "response_stuck_queued": response_stuck_queued,
    "response_stuck": response_stuck,
    "response_calls_tools": response_calls_tools,
    "response_canceled_upstream": response_canceled_upstream,
    "response_expired": response_expired,
    "tries_exhausted": tries_exhausted,
    "job_canceled": job_canceled,
    "step_taken_over": step_taken_over,
    "worker_draining": worker_draining,
}


def reading(content: bytes, name: str = "paper.pdf") -> ByJob:
    """Return the scenario of a job that has to read a document."""

    async def scenario(house: Installation) -> JobId:
        paper = await stored_document(house, name, content)
        return await house.submit("summarize_documents", {"document_ids": [str(paper.id)]})

    return scenario


def limited(content: bytes, **limits: Any) -> ByJob:
    """Return the scenario of a job whose document may use less than usual."""

    async def scenario(house: Installation) -> JobId:
        less = ExtractionLimits(**limits)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("activities.documents.extract", partial(extract, limits=less))
            job_id = await reading(content)(house)
            await house.ended(job_id)
        return job_id

    return scenario


async def document_not_found(house: Installation) -> JobId:
    return await house.submit("summarize_documents", {"document_ids": [str(uuid4())]})


async def deadline_exceeded(house: Installation) -> JobId:
    text = {"text": scripted(outcome="stuck")}
    return await house.submit("summarize_text", text, JobOptions(deadline_seconds=1))


async def output_mismatch(house: Installation) -> JobId:
    rule = {"script": {"outcome": "bad_json"}, "times": 2}
    await house.emulator.post("/script", json={"rules": [rule]})
    return await house.submit("generate_title", {"content": TEXT})


async def workflow_lost(house: Installation) -> JobId:
    job_id = await house.submit("summarize_text", {"text": scripted(outcome="stuck")})
    await created(house)
    await house.client.get_workflow_handle(str(job_id)).terminate("by an operator")
    assert house.deeds
    maintenance = house.deeds.maintenance

    async def repaired() -> bool:
        await maintenance.close_lost()
        return (await house.job(job_id)).status.is_terminal

    await eventually(repaired)
    return job_id


async def job_defect(house: Installation) -> JobId:
    return await house.submit("test_ends", End(how="defect").model_dump())


async def payload_too_large(house: Installation) -> JobId:
    return await house.submit("test_ends", End(how="huge_result").model_dump())


BY_JOB: dict[str, ByJob] = {
    "document_not_found": document_not_found,
    "document_empty": reading(b" \n", "empty.txt"),
    "document_encrypted": reading(encrypted_pdf("secret")),
    "document_has_no_text": reading(scanned_pdf(2)),
    "document_broken": reading(b"%PDF-1.7\nthis is not how a PDF goes on"),
    "document_unsupported": reading(b"PK\x03\x04" + bytes(60), "table.zip"),
    "document_too_large": limited(written_pdf("One.", "Two."), pages=1),
    "extraction_timed_out": limited(bomb_pdf(100, count=99), cpu_seconds=1),
    "extraction_out_of_memory": limited(bomb_pdf(300), memory_bytes=128 << 20),
    "deadline_exceeded": deadline_exceeded,
    "output_mismatch": output_mismatch,
    "workflow_lost": workflow_lost,
    "job_defect": job_defect,
    "payload_too_large": payload_too_large,
}


def test_every_code_has_a_scenario_and_every_scenario_a_code():
    assert BY_DEED.keys() | BY_JOB.keys() == CODES
    assert not BY_DEED.keys() & BY_JOB.keys()


@pytest.mark.parametrize("code", sorted(BY_DEED))
async def test_a_deed_fails_with(bench: Bench, monkeypatch: pytest.MonkeyPatch, code: str):
    monkeypatch.setattr("activities.responses.PollSchedule", Brisk)
    monkeypatch.setattr("activities.releasing.STOPPING_SECONDS", 0.02)
    with pytest.raises(JobError) as caught:
        await BY_DEED[code](bench)
    assert caught.value.code == code
    assert caught.value.detail != caught.value.title  # it says more than what kind it is


@pytest.mark.parametrize("code", sorted(BY_JOB))
async def test_a_job_fails_with(house: Installation, code: str):
    row = await house.ended(await BY_JOB[code](house))
    assert row.failure
    assert row.failure.code == code
    assert row.failure.message
