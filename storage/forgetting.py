"""Forgetting what is old, a bounded number of rows per statement.

One statement for a whole backlog would run into its timeout, and the next one as well, for ever.
"""

from datetime import timedelta

from storage.database import Database

AT_ONCE, BATCHES = 1_000, 50
"""Rows deleted per statement, with what belongs to them, and statements per turn of maintenance."""


async def forget(db: Database, table: str, *, key: str, moment: str, memory: timedelta) -> None:
    """Delete the rows of a table that are older than its memory, the oldest first.

    Args:
        db: Where the table is.
        table: Its name.
        key: The column that names a row.
        moment: The column that tells how old it is; it needs an index.
        memory: How long rows are kept.
    """
    for _ in range(BATCHES):
        gone: int = await db.fetchval(
            f"""
            WITH gone AS (
                DELETE FROM {table} WHERE {key} = ANY(ARRAY(
                    SELECT {key} FROM {table} WHERE {moment} < now() - $1::interval
                    ORDER BY {moment} LIMIT $2))
                RETURNING {key})
            SELECT count(*) FROM gone
            """,  # noqa: S608 # names of our own
            memory,
            AT_ONCE,
        )
        if gone < AT_ONCE:
            return
