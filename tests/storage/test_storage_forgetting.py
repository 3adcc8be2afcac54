"""Claims about what is forgotten in time, a part after the other."""

from datetime import timedelta

import pytest

from storage import delivery_log, forgetting, inbox
from storage.inbox import Notice
from tests.storage.rows import inserted

DELIVERY = """INSERT INTO deliveries (tenant, event, job_id, url, status, ended_at)
    VALUES ($1, 'job.succeeded', $2, 'https://example.com', 'delivered', now() - $3::interval)"""


async def noticed(db, tenant, age):
    """Write down a notice that came a while ago."""
    name = f"{age.total_seconds()}"
    await inbox.put(db, Notice(name, "resp_1", "response.completed"))
    await db.execute(
        "UPDATE inbox SET received_at = now() - $2::interval WHERE webhook_id = $1", name, age
    )


async def delivered(db, tenant, age):
    """Write down a delivery that ended a while ago."""
    row = await inserted(db, tenant)
    await db.execute(DELIVERY, tenant, row.id, age)


KINDS = [
    pytest.param(inbox, noticed, "inbox", "received_at", id="notices"),
    pytest.param(delivery_log, delivered, "deliveries", "ended_at", id="deliveries"),
]


@pytest.mark.parametrize(("log", "written", "table", "moment"), KINDS)
async def test_only_what_is_old_is_forgotten_however_many_statements_that_takes(
    fresh, tenant, monkeypatch, log, written, table, moment
):
    del moment
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    for hours in range(5):
        await written(fresh, tenant, log.MEMORY + timedelta(hours=1 + hours))
    await written(fresh, tenant, log.MEMORY - timedelta(hours=1))
    await log.forget(fresh)
    assert await fresh.fetchval(f"SELECT count(*) FROM {table}") == 1  # noqa: S608 # ours


@pytest.mark.parametrize(("log", "written", "table", "moment"), KINDS)
async def test_a_backlog_is_forgotten_over_several_turns_the_oldest_first(
    fresh, tenant, monkeypatch, log, written, table, moment
):
    monkeypatch.setattr(forgetting, "AT_ONCE", 1)
    monkeypatch.setattr(forgetting, "BATCHES", 2)
    for hours in (1, 3, 2):
        await written(fresh, tenant, log.MEMORY + timedelta(hours=hours))
    await log.forget(fresh)
    left = await fresh.fetch(f"SELECT now() - {moment} AS age FROM {table}")  # noqa: S608 # ours
    assert [each["age"] - log.MEMORY < timedelta(hours=1.5) for each in left] == [True]
