"""Claims about the event log: a reader that resumes by number misses nothing."""

import asyncio

from storage import events, job_moves, responses
from storage.events import Event
from tests.storage.rows import ending, event_types, inserted, ref, report

WRITERS, EACH = 12, 5


async def test_twelve_writers_leave_no_gap_and_a_resuming_reader_misses_nothing(db, tenant):
    row = await inserted(db, tenant)
    await job_moves.mark_running(db, ref(row))
    expected = 2 + WRITERS * EACH + 2

    async def write(number):
        for step in range(EACH):
            await job_moves.write_progress(db, report(row, number * EACH + step))

    async def read():
        seen: list[Event] = []
        while len(seen) < expected:
            seen += await events.after(db, tenant, row.id, len(seen), limit=7)
            assert [each.seq for each in seen] == list(range(1, len(seen) + 1))
        return seen

    reading = asyncio.create_task(read())
    await asyncio.gather(
        *(write(each) for each in range(WRITERS)),
        job_moves.request_cancel(db, tenant, row.id, by="x", reason=None),
    )
    await job_moves.finish(db, ending(row))
    seen = await reading
    units = [each.data["current"] for each in seen if each.type == "progress"]
    assert sorted(units) == list(range(WRITERS * EACH))
    assert seen[-1].type == "canceled"
    assert len(await event_types(db, row)) == expected


async def test_competing_first_deeds_write_one_start(db, tenant):
    row = await inserted(db, tenant)
    await asyncio.gather(
        *(job_moves.mark_running(db, ref(row)) for _ in range(4)),
        *(job_moves.write_progress(db, report(row, each)) for each in range(4)),
        *(
            responses.open_intent(db, ref(row), f"step {each}", 1, model="m", fingerprint="f")
            for each in range(4)
        ),
    )
    types = await event_types(db, row)
    assert types[:2] == ["created", "started"]
    assert types[2:] == ["progress"] * 4


async def test_a_reader_at_the_end_gets_nothing(db, tenant):
    row = await inserted(db, tenant)
    assert await events.after(db, tenant, row.id, 1) == []
    assert [each.seq for each in await events.after(db, tenant, row.id, 0)] == [1]
