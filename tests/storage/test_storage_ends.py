"""Claims about the news of jobs."""

from storage import ends, job_moves
from tests.storage.rows import ending, inserted, job_id, ref


async def test_a_look_tells_how_far_each_job_is(db, tenant):
    fresh, running, ended = [await inserted(db, tenant) for _ in range(3)]
    await job_moves.mark_running(db, ref(running))
    await job_moves.finish(db, ending(ended))
    assert await ends.look(db, [fresh.id, running.id, ended.id, job_id()]) == {
        fresh.id: (1, False),
        running.id: (2, False),
        ended.id: (2, True),
    }
