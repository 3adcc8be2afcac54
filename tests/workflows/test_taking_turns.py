"""Whose submit goes first when there is no room for all: by priority, then tenants in turn.

What asks here are children, which inherit their place from their parents.
"""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from jobs.children import child_id
from jobs.options import JobOptions
from jobs.queues import Queue
from jobs.values import JobId, Tenant
from storage import executions
from storage.executions import Life
from tests.installation import TENANT, Installation, eventually, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.families import asking
from tests.workflows.looking import history_of, pending_activities

PER_MINUTE = 120
"""Temporal lets the first three go at once, whichever of them is written down first; then one by
one."""

OTHER = Tenant("another")


@pytest.fixture
async def crowded(bare: Installation) -> AsyncIterator[Installation]:
    """An installation whose rate budget is used up, and nobody submits in turn yet."""
    await bare.db.execute(
        "INSERT INTO rate_budgets (name, next_due) VALUES ('openai', now() + interval '1 hour')"
    )
    queues = (Queue.MAIN, Queue.URGENT, Queue.CPU)
    async with serving(bare, queues=queues, requests_per_minute=PER_MINUTE):
        yield bare


async def queued(house: Installation, tenant: Tenant, priority: int) -> JobId:
    """Start a parent; return its child once that waits for its turn."""
    family = {"errands": [asking("x", "Hi.")]}
    options = JobOptions(priority=priority)
    job_id = await house.submit("test_parents", family, options, tenant=tenant)
    child = child_id(job_id, "x")
    await eventually(lambda: executions.look(house.client, child), lambda life: life is Life.OPEN)
    await eventually(
        lambda: pending_activities(house, child), lambda found: found == ["submit_response"]
    )
    return child


async def turn_of(house: Installation, job_id: JobId) -> datetime:
    """Return when a job's submit was given to a worker, by Temporal's clock."""
    history = await history_of(house, job_id)
    [queued] = [
        each.event_id
        for each in history
        if each.activity_task_scheduled_event_attributes.activity_type.name == "submit_response"
    ]
    [started] = [
        each.event_time.ToDatetime()
        for each in history
        if each.activity_task_started_event_attributes.scheduled_event_id == queued
    ]
    return started


async def in_turn(house: Installation, children: list[JobId]) -> list[JobId]:
    """Let all submit; return the children in the order in which they did."""
    async with serving(house, queues=[Queue.OPENAI], requests_per_minute=PER_MINUTE):
        for each in children:
            assert await house.closed(each) == "COMPLETED"
    turns = {each: await turn_of(house, each) for each in children}
    return sorted(children, key=lambda each: turns[each])


async def test_an_urgent_submit_goes_before_those_that_wait_already(crowded: Installation):
    patient = [await queued(crowded, TENANT, 5) for _ in range(2)]
    usual = [await queued(crowded, TENANT, 3) for _ in range(2)]
    urgent = [await queued(crowded, TENANT, 1) for _ in range(4)]

    order = await in_turn(crowded, [*patient, *usual, *urgent])
    assert [set(order[:4]), set(order[4:6]), set(order[6:])] == [
        set(urgent), set(usual), set(patient),
    ]  # fmt: skip


async def test_tenants_take_turns_however_many_submits_one_of_them_has_waiting(crowded):
    busy = [await queued(crowded, TENANT, 3) for _ in range(6)]
    modest = [await queued(crowded, OTHER, 3) for _ in range(2)]

    order = await in_turn(crowded, [*busy, *modest])
    assert set(modest) <= set(order[:4])
