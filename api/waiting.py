"""Long polls: keep a reply back until the job has ended or the client's time is up."""

import asyncio

from api.follower import Follower
from storage import jobs
from storage.database import Database
from storage.jobs import JobRow


async def until_ended(db: Database, follower: Follower, row: JobRow, seconds: int) -> JobRow:
    """Return the job as soon as it has ended, or as it stands after some seconds.

    Raises:
        ServiceUnavailable: Postgres does not answer.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + seconds
    with follower.watching(row.id) as watch:
        while not row.status.is_terminal and not follower.closing:
            if not await watch.beyond(row.last_seq, timeout=give_up_at - loop.time()):
                break
            row = await jobs.get(db, row.tenant, row.id)
    return row
