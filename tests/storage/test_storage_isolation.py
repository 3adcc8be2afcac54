"""Claims about tenants: what belongs to somebody else does not exist."""

import pytest

from jobs.errors import JobNotFound
from jobs.values import Tenant
from storage import events, job_lists, job_moves, responses
from storage import jobs as job_rows
from storage.job_lists import Filter
from tests.storage.rows import again, ending, inserted, ref, report

STRANGER = Tenant("has-no-jobs")

FOREIGN = {
    "get": lambda db, row, other: job_rows.get(db, other, row.id),
    "cancel": lambda db, row, other: job_moves.request_cancel(
        db, other, row.id, by="x", reason=None
    ),
    "finish": lambda db, row, other: job_moves.finish(
        db, ending(row).model_copy(update={"job": as_tenant(row, other)})
    ),
}
FOREIGN_SILENT = {
    "result": lambda db, row, other: job_rows.get_result(db, other, row.id),
    "running": lambda db, row, other: job_moves.mark_running(
        db, ref(row).model_copy(update={"tenant": other})
    ),
    "progress": lambda db, row, other: job_moves.write_progress(
        db, report(row).model_copy(update={"job": as_tenant(row, other)})
    ),
    "intent": lambda db, row, other: responses.open_intent(
        db, as_tenant(row, other), "step", 1, model="m", fingerprint="f"
    ),
    "events": lambda db, row, other: events.after(db, other, row.id, 0),
    "page": lambda db, _, other: job_lists.page(db, other, Filter(), after=None, limit=9),
    "open": lambda db, row, other: responses.open_of(db, as_tenant(row, other)),
    "submits": lambda db, row, other: responses.submits_of(db, as_tenant(row, other), "old"),
}


def as_tenant(row, other):
    return ref(row).model_copy(update={"tenant": other})


async def someones(db, tenant):
    row = await inserted(db, tenant)
    await responses.open_intent(db, ref(row), "old", 1, model="m", fingerprint="f")
    return await again(db, row)


@pytest.mark.parametrize("deed", FOREIGN.values(), ids=FOREIGN)
async def test_another_tenants_job_does_not_exist(db, tenant, deed):
    row = await someones(db, tenant)
    with pytest.raises(JobNotFound):
        await deed(db, row, STRANGER)
    assert await again(db, row) == row


@pytest.mark.parametrize("deed", FOREIGN_SILENT.values(), ids=FOREIGN_SILENT)
async def test_another_tenants_job_gives_nothing_and_is_left_alone(db, tenant, deed):
    row = await someones(db, tenant)
    assert not await deed(db, row, STRANGER)
    assert await again(db, row) == row
