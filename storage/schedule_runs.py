"""The jobs of schedules: which ones ran last. Their label says whose they are."""

from collections.abc import Sequence

from jobs.schedules.model import SCHEDULE_LABEL
from jobs.values import Tenant
from storage.database import Database
from storage.jobs import COLUMNS, JobRow, to_row


async def latest(
    db: Database, tenant: Tenant, schedule_ids: Sequence[str], *, each: int
) -> dict[str, list[JobRow]]:
    """Return the last jobs of schedules, newest first; children of jobs are left out."""
    # The label stands in the text of the statement, so that Postgres finds the index made for it.
    label = f"labels ->> '{SCHEDULE_LABEL}'"
    rows = await db.fetch(
        f"""
        SELECT ran.* FROM unnest($2::text[]) AS schedule (id) CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM jobs
            WHERE tenant = $1 AND {label} = schedule.id AND {label} IS NOT NULL
                AND parent_id IS NULL
            ORDER BY created_at DESC, id DESC LIMIT $3) AS ran
        """,  # noqa: S608 # constants
        tenant,
        list(schedule_ids),
        each,
    )
    found: dict[str, list[JobRow]] = {schedule_id: [] for schedule_id in schedule_ids}
    for row in map(to_row, rows):
        found[row.labels[SCHEDULE_LABEL]].append(row)
    return found
