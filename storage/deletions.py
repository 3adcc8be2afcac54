"""What is left to be deleted at the provider, in the table `responses`."""

from storage import responses
from storage.bookings import COLUMNS
from storage.database import Database
from storage.responses import Submit

THIS_ROW = "job_id = $1 AND step_key = $2 AND submit_number = $3"


async def due(db: Database, *, limit: int) -> list[Submit]:
    """Return settled responses whose deletion is due, the longest overdue first."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM responses "  # noqa: S608 # constant
        "WHERE delete_due <= now() ORDER BY delete_due LIMIT $1",
        limit,
    )
    return [responses.to_submit(row) for row in rows]


async def done(db: Database, submit: Submit) -> None:
    """Note that the provider has deleted a response."""
    await db.execute(
        "UPDATE responses SET deleted_at = COALESCE(deleted_at, now()), delete_due = NULL, "  # noqa: S608 # constant
        f"delete_error = NULL WHERE {THIS_ROW}",
        *_key(submit),
    )


async def refused(db: Database, submit: Submit, why: str) -> None:
    """Note that the provider will not delete a response, whenever it is asked."""
    await db.execute(
        f"UPDATE responses SET delete_due = NULL, delete_error = $4 WHERE {THIS_ROW}",  # noqa: S608 # constant
        *_key(submit),
        why,
    )


async def postponed(db: Database, submit: Submit, why: str) -> None:
    """Have a deletion tried again: after a minute, then at twice its age each time, or daily."""
    await db.execute(
        "UPDATE responses SET delete_error = $4, delete_due = now() + "  # noqa: S608 # constant
        "LEAST(GREATEST(now() - settled_at, interval '1 minute'), interval '1 day') "
        f"WHERE {THIS_ROW} AND delete_due IS NOT NULL",
        *_key(submit),
        why,
    )


def _key(submit: Submit) -> tuple[object, ...]:
    return submit.job_id, submit.step_key, submit.number
