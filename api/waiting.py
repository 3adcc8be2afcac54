"""Long polls: keep a reply back until the job has ended or the client's time is up."""

from contextlib import suppress

from api.follower import Follower
from jobs.errors import ServiceUnavailable
from storage import jobs
from storage.database import Database
from storage.jobs import JobRow


async def until_ended(db: Database, follower: Follower, row: JobRow, seconds: int) -> JobRow:
    """Return the job as soon as it has ended, or as it stands after some seconds.

    While Postgres does not answer, that is as it stood before: a client must learn its id.
    """
    if row.status.is_terminal:
        return row
    with follower.watching(row.id) as watch:
        await watch.ended(timeout=seconds)
    with suppress(ServiceUnavailable):
        row = await jobs.get(db, row.tenant, row.id)
    return row
