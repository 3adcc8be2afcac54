import io
from datetime import timedelta

import pytest
from rich.console import Console

from backburner import ApiError, JobStatus
from backburner.progress import follow


def a_terminal(screen):
    return Console(file=screen, force_terminal=True, width=120, _environ={"TERM": "xterm"})


async def events_of(client, job_id):
    return {event.type: event async for event in client.events(job_id)}


async def test_a_log_gets_one_line_per_event(client, gateway):
    job_id = gateway.add_job()
    gateway.add_event(job_id, "started")
    gateway.add_event(job_id, "progress", stage="read", current=2, total=4, waiting_for="a person")
    gateway.add_event(
        job_id,
        "retrying",
        step="1",
        submit=1,
        code="provider_quota_exhausted",
        message="No credit.",
        retry_after_seconds=300,
    )
    gateway.add_event(job_id, "cancel_requested", reason="no need")
    gateway.end(job_id, "canceled")
    log = io.StringIO()
    job = await follow(client, job_id, Console(file=log, width=120))
    assert job.status is JobStatus.CANCELED
    again_at = (await events_of(client, job_id))["retrying"].at.astimezone() + timedelta(minutes=5)
    lines = [line[10:] for line in log.getvalue().splitlines()[1:]]
    assert lines == [
        "created",
        "started",
        "read, waiting for a person 2/4",
        f"trying step 1 again at {again_at:%H:%M:%S}: provider_quota_exhausted: No credit.",
        "cancel requested: no need",
        "canceled",
    ]


async def test_a_terminal_gets_a_bar(client, gateway):
    job_id = gateway.add_job()
    gateway.add_event(job_id, "progress", stage="read documents", current=3, total=4)
    gateway.end(job_id, result={"echo": "hello"})
    screen = io.StringIO()
    assert (await follow(client, job_id, a_terminal(screen))).result == {"echo": "hello"}
    assert "succeeded" in screen.getvalue()
    assert "3/4" in screen.getvalue()


async def test_a_job_nobody_knows_cannot_be_followed(client):
    with pytest.raises(ApiError):
        await follow(client, "nothing", a_terminal(io.StringIO()))
