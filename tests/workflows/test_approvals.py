"""Approvals: shown, decided once, bound to what was shown, with a deadline and reminders."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.approvals import ApprovalState
from jobs.status import JobStatus
from jobs.values import JobId
from storage import approvals
from storage.approvals import Approval
from tests.installation import TENANT, Installation, eventually, serving
from tests.workflows import approval_jobs  # noqa: F401 # declares them
from tests.workflows.looking import agreed, carried, events_of, history_of, kinds, tell

PLAN: dict[str, Any] = {"key": "plan", "title": "The plan", "shown": {"steps": ["dig", "fill"]}}


async def asked(house: Installation, **more: Any) -> JobId:
    """Submit a job that asks for one approval, and wait until that is open."""
    job_id = await house.submit("test_asks_people", {"asks": [PLAN | more]})
    await opened(house, job_id)
    return job_id


async def opened(house: Installation, job_id: JobId, count: int = 1) -> list[Approval]:
    return await eventually(
        lambda: approvals.open_below(house.db, TENANT, job_id), lambda found: len(found) == count
    )


async def row_of(house: Installation, job_id: JobId, key: str = "plan") -> Approval:
    found = await approvals.get(house.db, TENANT, job_id, key)
    assert found is not None
    return found


async def decisions(house: Installation, job_id: JobId) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.result(job_id))["decisions"]
    return found


async def types_of(house: Installation, job_id: JobId) -> list[str]:
    return [each.type for each in await events_of(house, job_id)]


async def test_an_approval_is_shown_and_waited_for_and_what_is_decided_counts(house: Installation):
    job_id = await asked(house, timeout=60, default="reject", editable=True)
    shown = await row_of(house, job_id)
    assert (shown.title, shown.shown, shown.default) == (PLAN["title"], PLAN["shown"], "reject")
    left = (shown.deadline - datetime.now(UTC)).total_seconds()
    assert 40 < left <= 60
    await eventually(lambda: house.job(job_id), lambda row: row.waiting_for == "approval: The plan")

    answer = {"digest": shown.digest, "comment": "Go.", "edits": {"steps": []}, "decided_by": "Ada"}
    await tell(house, job_id, "approve", answer)
    row = await agreed(house, job_id)
    assert (row.status, row.waiting_for) == (JobStatus.SUCCEEDED, None)
    [decision] = await decisions(house, job_id)
    assert decision == {
        "approved": True,
        "comment": "Go.",
        "edits": {"steps": []},
        "decided_by": "Ada",
        "is_default": False,
    }
    stood = await row_of(house, job_id)
    assert stood.settlement.decision.model_dump() == decision
    told = {each.type: each.data for each in await events_of(house, job_id)}
    assert told["approval_requested"]["digest"] == shown.digest
    assert told["approval_decided"] == {
        "key": "plan",
        "title": "The plan",
        "decision": "approved",
        "comment": "Go.",
        "edited": True,
        "decided_by": "Ada",
        "is_default": False,
    }


async def test_a_rejection_is_a_decision_too(house: Installation):
    job_id = await asked(house)
    await tell(house, job_id, "reject", {"digest": (await row_of(house, job_id)).digest})
    assert (await agreed(house, job_id)).status is JobStatus.SUCCEEDED
    assert [each["approved"] for each in await decisions(house, job_id)] == [False]
    assert (await row_of(house, job_id)).state is ApprovalState.REJECTED


async def test_two_approvals_at_once_are_decided_each_by_its_own_digest(house: Installation):
    # What they show is the same, and a client that names no key must still mean only one.
    asks = [PLAN | {"key": key} for key in ("a", "b")]
    job_id = await house.submit("test_asks_people", {"asks": asks})
    await opened(house, job_id, 2)
    digests = {key: (await row_of(house, job_id, key)).digest for key in ("a", "b")}
    assert len(set(digests.values())) == 2

    await tell(house, job_id, "reject", {"digest": digests["b"]})
    await opened(house, job_id, 1)
    await tell(house, job_id, "approve", {"digest": digests["a"]})
    await agreed(house, job_id)
    assert [each["approved"] for each in await decisions(house, job_id)] == [True, False]


WRONG: dict[str, Any] = {
    "stale": {"digest": "0" * 64},
    "another_key": {"key": "b"},
    "edits": {"edits": {"steps": []}},
    "nothing": None,
    "no_object": "yes",
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_answer_that_does_not_fit_is_ignored(house: Installation, name: str):
    job_id = await asked(house)
    digest = (await row_of(house, job_id)).digest
    wrong = WRONG[name]

    await tell(
        house, job_id, "approve", {"digest": digest} | wrong if isinstance(wrong, dict) else wrong
    )
    await tell(house, job_id, "approve")
    await tell(house, job_id, "reject", {"digest": digest, "decided_by": "Bob"})
    await agreed(house, job_id)
    [decision] = await decisions(house, job_id)
    assert (decision["approved"], decision["decided_by"]) == (False, "Bob")


async def test_the_first_of_two_people_decides(bare: Installation):
    async with serving(bare):
        job_id = await asked(bare)
        digest = (await row_of(bare, job_id)).digest
    # No worker now: both signals are in one batch.
    await tell(bare, job_id, "approve", {"digest": digest, "decided_by": "Ada"})
    await tell(bare, job_id, "reject", {"digest": digest, "decided_by": "Bob"})
    async with serving(bare):
        await agreed(bare, job_id)
    [decision] = await decisions(bare, job_id)
    assert (decision["approved"], decision["decided_by"]) == (True, "Ada")
    assert (await types_of(bare, job_id)).count("approval_decided") == 1


@pytest.mark.parametrize(("default", "approved"), [("approve", True), ("reject", False)])
async def test_the_default_counts_when_nobody_answers(house: Installation, default, approved):
    ask = PLAN | {"timeout": 1, "default": default}
    row = await carried(house, "test_asks_people", {"asks": [ask]})
    [decision] = await decisions(house, row.id)
    assert (decision["approved"], decision["is_default"]) == (approved, True)
    assert decision["decided_by"] is None
    assert (await row_of(house, row.id)).settlement.is_default


async def test_without_a_default_the_job_fails(house: Installation):
    row = await carried(house, "test_asks_people", {"asks": [PLAN | {"timeout": 1}]})
    assert row.failure is not None
    assert row.failure.code == "approval_timed_out"
    assert (await row_of(house, row.id)).state is ApprovalState.EXPIRED


async def test_reminders_are_written_until_somebody_decides(house: Installation):
    job_id = await asked(house, remind_after=1)

    async def reminders() -> int:
        return (await types_of(house, job_id)).count("approval_reminder")

    await eventually(reminders, lambda count: count == 2)
    await tell(house, job_id, "approve", {"digest": (await row_of(house, job_id)).digest})
    await agreed(house, job_id)
    told = [each.data for each in await events_of(house, job_id) if each.type.endswith("reminder")]
    assert [each["number"] for each in told] == list(range(1, len(told) + 1))


async def test_a_cancel_withdraws_what_is_open(house: Installation):
    job_id = await asked(house, remind_after=1)
    await tell(house, job_id, "cancel", "no longer needed")
    assert (await agreed(house, job_id)).status is JobStatus.CANCELED
    assert (await row_of(house, job_id)).state is ApprovalState.WITHDRAWN
    assert await approvals.open_below(house.db, TENANT, job_id) == []
    assert "approval_decided" not in await types_of(house, job_id)


async def test_a_branch_that_is_cut_off_withdraws_its_approval(house: Installation):
    job_id = await house.submit("test_gives_up_asking", {"asks": []})

    async def second() -> Approval | None:
        return await approvals.get(house.db, TENANT, job_id, "second")

    found = await eventually(second)
    first = await eventually(lambda: row_of(house, job_id, "first"), lambda row: not row.is_open)
    assert first.state is ApprovalState.WITHDRAWN
    assert found is not None
    await tell(house, job_id, "approve", {"digest": found.digest})
    assert (await agreed(house, job_id)).status is JobStatus.SUCCEEDED


MALFORMED: dict[str, dict[str, Any]] = {
    "too_large": {"shown": "x" * 262_144},
    "nul": {"code_point": 0},
    "schema": {"editable": True, "edits_schema": {"type": "strin"}},
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_cannot_be_shown_fails_the_job_with_a_clear_code(house: Installation, name):
    row = await carried(house, "test_asks_people", {"asks": [PLAN | MALFORMED[name]]})
    assert row.failure is not None
    assert row.failure.code == "approval_malformed"
    assert "'plan'" in row.failure.message
    assert await approvals.of_job(house.db, TENANT, row.id) == []


async def test_a_key_is_asked_for_once(house: Installation):
    row = await carried(house, "test_asks_people", {"asks": [PLAN, PLAN]})
    assert row.failure is not None
    assert row.failure.code == "approval_malformed"
    assert "asked for before" in row.failure.message


async def test_edits_that_do_not_fit_the_model_are_ignored_even_past_the_gateway(house):
    job_id = await house.submit("test_asks_for_edits", {"asks": []})
    [shown] = await opened(house, job_id)
    assert shown.editable
    assert shown.edits_schema is not None
    for headings in ([], ["a\x00b"], ["x" * 262_144], "Uno"):
        edits = {"headings": headings}
        await tell(house, job_id, "approve", {"digest": shown.digest, "edits": edits})
    await tell(house, job_id, "approve", {"digest": shown.digest, "edits": {"headings": ["Uno"]}})
    await agreed(house, job_id)
    assert await house.result(job_id) == {"headings": ["Uno"]}


async def test_one_approval_costs_few_history_events(house: Installation):
    job_id = await asked(house)
    await tell(house, job_id, "approve", {"digest": (await row_of(house, job_id)).digest})
    await agreed(house, job_id)
    assert len(kinds(await history_of(house, job_id))) <= 25
