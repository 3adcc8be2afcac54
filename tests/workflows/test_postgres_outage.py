"""Postgres goes away in the middle of a job: it shows, it drains, and it ends rightly."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.status import JobStatus
from local.postgres import Postgres
from local.temporal import TemporalServer
from storage import approvals
from storage.migrate import migrate
from tests.api.conftest import assert_problem, served
from tests.installation import TENANT, Installation, eventually, installed, serving
from tests.workflows import approval_jobs, job_types  # noqa: F401 # declares them
from tests.workflows.families import asking, errand, family
from tests.workflows.looking import agreed, pending_activities, responses_open, scripted, tell


@pytest.fixture
async def mortal(anyio_backend: str) -> AsyncIterator[Postgres]:
    """A Postgres of this test's own, which it may stop."""
    async with Postgres(None, fsync=False) as server:
        await migrate(server.dsn())
        yield server


@pytest.fixture
async def fragile(
    mortal: Postgres, temporal: TemporalServer, emulator_url: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """An installation on that Postgres, without a worker."""
    async with installed(
        database_url=mortal.dsn(),
        temporal_address=temporal.address,
        emulator_url=emulator_url,
        folder=tmp_path,
        queue=f"q-{uuid.uuid4().hex[:12]}",
    ) as installation:
        await installation.emulator.post("/reset")
        yield installation


async def test_an_ending_that_cannot_be_recorded_waits_in_sight_and_keeps_no_worker_from_stopping(
    mortal, fragile: Installation
):
    async with serving(fragile):
        job_id = await fragile.submit("test_approvals", {"prompts": []})
        await eventually(lambda: fragile.job(job_id), lambda row: row.waiting_for)
        await mortal.stop()
        await tell(fragile, job_id, "decide", {"approved": True, "by": "Ada"})
        await eventually(
            lambda: pending_activities(fragile, job_id), lambda found: "record_finished" in found
        )

    await mortal.start()
    async with serving(fragile):
        row = await agreed(fragile, job_id)
    assert row.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("is_canceled", [False, True], ids=["goes_on", "canceled"])
async def test_children_that_cannot_be_opened_wait_in_sight(mortal, fragile, is_canceled):
    errands = [errand("a", "test_quiet"), asking("b", "Hi."), errand("c", "no_such_type")]
    async with serving(fragile):
        job_id = await fragile.submit("test_parents", {"errands": errands, "is_held": True})
        await eventually(lambda: fragile.job(job_id), lambda row: row.waiting_for)
        await mortal.stop()
        await tell(fragile, job_id, "go")
        await eventually(
            lambda: pending_activities(fragile, job_id),
            lambda found: found.count("open_child") == len(errands),
        )
        if is_canceled:
            await tell(fragile, job_id, "cancel", "too slow")
        await mortal.start()
        await agreed(fragile, job_id)
        rows = {row.child_key: row.status for row in await family(fragile, job_id)}
    ended_as, asked = rows.pop(None), await fragile.created()
    if is_canceled:
        # Which of them were opened before the record knew of the cancel is up to the retries.
        assert ended_as is JobStatus.CANCELED
        assert set(rows.values()) <= {JobStatus.CANCELED, JobStatus.FAILED}
        assert asked == []
    else:
        assert ended_as is JobStatus.SUCCEEDED
        well, failed = JobStatus.SUCCEEDED, JobStatus.FAILED
        assert rows == {"a": well, "b": well, "c": failed}
        assert len(asked) == 1


async def test_a_response_that_ends_meanwhile_is_booked_once(mortal, fragile: Installation):
    prompt = scripted("Wait.", queued_seconds=0, run_seconds=1)
    async with serving(fragile):
        job_id = await fragile.submit("test_asks", {"prompts": [prompt]})
        await responses_open(fragile, job_id, 1)
        await mortal.stop()

        async def ended_upstream() -> bool:
            return all(each["status"] == "completed" for each in await fragile.created())

        await eventually(ended_upstream)
        await mortal.start()
        row = await agreed(fragile, job_id)
    assert (row.status, row.cost.responses) == (JobStatus.SUCCEEDED, 1)
    assert len(await fragile.created()) == 1


PLAN = {"key": "plan", "title": "The plan", "shown": {"steps": ["dig"]}}


async def asked(house: Installation) -> approvals.Approval:
    job_id = await house.submit("test_asks_people", {"asks": [PLAN]})
    found = await eventually(lambda: approvals.open_below(house.db, TENANT, job_id))
    return found[0]


async def test_a_decision_past_the_gateway_waits_in_sight_for_postgres(mortal, fragile):
    async with serving(fragile):
        approval = await asked(fragile)
        await mortal.stop()
        await tell(fragile, approval.job_id, "reject", {"digest": approval.digest})
        await eventually(
            lambda: pending_activities(fragile, approval.job_id),
            lambda found: "record_decision" in found,
        )
        await mortal.start()
        await agreed(fragile, approval.job_id)
    [decision] = (await fragile.result(approval.job_id))["decisions"]
    assert not decision["approved"]


async def test_a_decision_that_cannot_be_written_is_refused_and_may_be_repeated(mortal, fragile):
    async with serving(fragile), served(fragile.gateway()) as api:
        approval = await asked(fragile)
        approve = f"/api/jobs/{approval.job_id}/signals/approve"
        body = {"digest": approval.digest}
        await mortal.stop()
        assert_problem(await api.post(approve, json=body), 503, "service_unavailable")
        await mortal.start()
        reply = await api.post(approve, json=body)
        assert reply.status_code == 202, reply.text
        await agreed(fragile, approval.job_id)
    [decision] = (await fragile.result(approval.job_id))["decisions"]
    assert decision["approved"]
