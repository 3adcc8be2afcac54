"""Claims about questions that find few rows among many: no more is read than is found."""

import json

import pytest

from jobs.callbacks import DeliveryStatus
from jobs.status import JobStatus
from storage import delivery_log, inbox, job_lists
from storage.database import Database

MANY = """INSERT INTO jobs (id, root_id, tenant, type, payload, fingerprint, status, completed_at,
        created_at)
    SELECT id, id, $1, CASE WHEN n % 2000 = 1 THEN 'rare' ELSE 'usual' END, '{}', 'f',
        CASE WHEN n % 2000 = 2 THEN 'failed' ELSE 'succeeded' END, now(),
        now() - make_interval(secs => n)
    FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, 6000) AS n) AS new"""

DELIVERED = """INSERT INTO deliveries (tenant, event, url, status, created_at, ended_at)
    SELECT $1, 'e', 'https://example.com',
        CASE WHEN n % 2000 = 1 THEN 'exhausted' ELSE 'delivered' END,
        now() - make_interval(secs => n), now() FROM generate_series(1, 6000) AS n"""

NOTICED = """INSERT INTO inbox (webhook_id, response_id, type, matched_at, received_at)
    SELECT n, n, 'e', now(), now() - CASE WHEN n % 2000 = 1 THEN interval '9 days' ELSE '0' END
    FROM generate_series(1, 6000) AS n"""


class Explaining(Database):
    """Runs statements, and counts the rows that were read to no avail."""

    def __init__(self, db: Database) -> None:
        self.db, self.in_vain = db, 0

    async def fetch(self, query, *args):
        told = await self.db.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *args)
        for plan in json.loads(told) if isinstance(told, str) else told:
            self.in_vain += _in_vain(plan["Plan"])
        return await self.db.fetch(query, *args)

    async def fetchval(self, query, *args):
        [row, *_] = await self.fetch(query, *args)
        return row[0]


def _in_vain(plan):
    return plan.get("Rows Removed by Filter", 0) + sum(map(_in_vain, plan.get("Plans", ())))


@pytest.fixture
async def explaining(fresh, tenant):
    for rows in (MANY, DELIVERED):
        await fresh.execute(rows, tenant)
    await fresh.execute(NOTICED)
    for table in ("jobs", "deliveries", "inbox"):
        await fresh.execute(f"ANALYZE {table}")
    return Explaining(fresh)


FAILED = job_lists.Filter(statuses=(JobStatus.FAILED,))
UNSUCCESSFUL = job_lists.Filter(statuses=(JobStatus.FAILED, JobStatus.CANCELED))
RARE = job_lists.Filter(type="rare")


@pytest.mark.parametrize("wanted", [FAILED, UNSUCCESSFUL, RARE], ids=["status", "statuses", "type"])
async def test_a_list_of_few_jobs_does_not_walk_all_of_the_tenants(explaining, tenant, wanted):
    page = await job_lists.page(explaining, tenant, wanted, after=None, limit=50)
    assert len(page) == 3
    assert explaining.in_vain < 10


async def test_a_list_of_few_deliveries_does_not_walk_all_of_the_tenants(explaining, tenant):
    wanted = delivery_log.Filter(statuses=(DeliveryStatus.EXHAUSTED,))
    page = await delivery_log.page(explaining, tenant, wanted, after=None, limit=50)
    assert len(page) == 3
    assert explaining.in_vain < 10


async def test_what_a_job_took_does_not_walk_the_jobs_of_others(explaining, tenant):
    await explaining.db.execute(MANY, "another")
    await explaining.db.execute("UPDATE jobs SET type = 'rare' WHERE tenant = 'another'")
    await explaining.db.execute("ANALYZE jobs")
    found = await job_lists.histories(explaining, tenant, ["rare"])
    assert found["rare"].finished == 3
    assert explaining.in_vain < 10


async def test_old_notices_are_found_without_walking_the_young_ones(explaining):
    await inbox.forget(explaining)
    assert await explaining.db.fetchval("SELECT count(*) FROM inbox") == 5997
    assert explaining.in_vain < 10
