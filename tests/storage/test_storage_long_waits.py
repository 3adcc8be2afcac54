"""Which processes live, and whose long waits are to be freed."""

from datetime import timedelta
from uuid import uuid4

import pytest

from storage import long_waits, responses
from storage.long_waits import LongWait
from tests.storage.rows import inserted, ref

SILENT = timedelta(seconds=20)


async def claimed(db, by=None):
    return await long_waits.claim_lost(db, by or uuid4(), SILENT, limit=10)


@pytest.fixture
async def wait(fresh, tenant):
    return LongWait((await inserted(fresh, tenant)).id, "run", "1")


async def submitted(db, row, step, seconds=60):
    """Have a step's response be open for so long."""
    submit = await responses.open_intent(db, ref(row), step, 1, model="m", fingerprint="f")
    assert submit
    await responses.store_response_id(db, submit, f"resp_{uuid4().hex}", None)
    await db.execute(
        "UPDATE responses SET submitted_at = now() - make_interval(secs => $3) "
        "WHERE job_id = $1 AND step_key = $2",
        *(row.id, step, seconds),
    )


async def silenced(db, worker_id, seconds=60):
    await long_waits.renew(db, worker_id)
    statement = "UPDATE workers SET seen_at = now() - make_interval(secs => $2) WHERE id = $1"
    await db.execute(statement, worker_id, seconds)
    return worker_id


async def test_a_process_hears_how_long_it_was_silent(fresh):
    worker_id = uuid4()
    assert await long_waits.renew(fresh, worker_id) is None
    silence = await long_waits.renew(fresh, worker_id)
    assert silence is not None
    assert silence < SILENT
    await silenced(fresh, worker_id, 60)
    silence = await long_waits.renew(fresh, worker_id)
    assert silence is not None
    assert timedelta(seconds=60) <= silence < timedelta(seconds=70)


async def test_only_waits_of_the_silent_are_lost(fresh, tenant, wait):
    living, dead = uuid4(), await silenced(fresh, uuid4())
    await long_waits.renew(fresh, living)
    other = LongWait((await inserted(fresh, tenant)).id, "run", "1")
    await long_waits.begin(fresh, living, other)
    await long_waits.begin(fresh, dead, wait)
    assert await claimed(fresh) == [wait]


async def test_nobody_claims_what_is_its_own(fresh, wait):
    silent = await silenced(fresh, uuid4())
    await long_waits.begin(fresh, silent, wait)
    assert await claimed(fresh, by=silent) == []
    assert await claimed(fresh) == [wait]


async def test_a_claimed_wait_is_handed_out_again_when_nobody_freed_it(fresh, wait):
    await long_waits.begin(fresh, await silenced(fresh, uuid4()), wait)
    assert await claimed(fresh) == [wait]
    assert await claimed(fresh) == []
    await fresh.execute("UPDATE long_waits SET claimed_until = now()")
    assert await claimed(fresh) == [wait]
    await long_waits.end(fresh, [wait])
    await fresh.execute("UPDATE long_waits SET claimed_until = now()")
    assert await claimed(fresh) == []


@pytest.mark.parametrize("is_the_same_process", [True, False])
async def test_a_wait_that_goes_on_in_another_attempt_is_not_forgotten(
    fresh, wait, is_the_same_process
):
    before = await silenced(fresh, uuid4())
    await long_waits.begin(fresh, before, wait)
    await claimed(fresh)
    after = before if is_the_same_process else uuid4()
    again = LongWait(wait.job_id, "another run", "1")
    await long_waits.begin(fresh, after, again)
    await long_waits.end(fresh, [wait])
    assert await fresh.fetchrow("SELECT worker_id, run_id, token FROM long_waits") == (
        *(after, "another run"),
        again.token,
    )
    await long_waits.end(fresh, [again])
    assert await fresh.fetchval("SELECT count(*) FROM long_waits") == 0


async def test_a_process_is_remembered_while_its_waits_are(fresh, wait):
    leaving, dead = uuid4(), await silenced(fresh, uuid4(), 4000)
    await long_waits.renew(fresh, leaving)
    await long_waits.begin(fresh, dead, wait)
    await long_waits.leave(fresh, leaving)
    assert [row["id"] for row in await fresh.fetch("SELECT id FROM workers")] == [dead]
    await long_waits.end(fresh, [wait])
    await long_waits.leave(fresh, uuid4())
    assert await fresh.fetch("SELECT id FROM workers") == []


async def test_the_waits_of_a_deleted_job_go_with_it(fresh, wait):
    await long_waits.begin(fresh, uuid4(), wait)
    await fresh.execute("DELETE FROM jobs")
    assert await fresh.fetchval("SELECT count(*) FROM long_waits") == 0


async def test_a_job_lacks_waits_while_it_has_more_old_responses_than_rows(fresh, tenant):
    row, young, nameless = [await inserted(fresh, tenant) for _ in range(3)]
    await submitted(fresh, row, "1")
    await submitted(fresh, row, "2")
    await submitted(fresh, young, "1", 10)
    await responses.open_intent(fresh, ref(nameless), "1", 1, model="m", fingerprint="f")

    async def without():
        return await long_waits.jobs_without(fresh, SILENT, limit=10)

    assert await without() == [row.id]
    for activity_id in ("1", "2"):
        assert await without() == [row.id]
        await long_waits.begin(fresh, uuid4(), LongWait(row.id, "run", activity_id))
    assert await without() == []
    assert await long_waits.begun(fresh, [row.id, young.id]) == {(row.id, "1"), (row.id, "2")}


async def test_only_so_many_jobs_without_waits_are_looked_at_once(fresh, tenant):
    for _ in range(3):
        await submitted(fresh, await inserted(fresh, tenant), "1")
    assert len(await long_waits.jobs_without(fresh, SILENT, limit=2)) == 2
