"""The table `rate_budgets`: how many submits the provider allows, shared by all workers.

The generic cell rate algorithm in one statement: each submit pushes the time of the next one back
by one interval; as long as that time is not further ahead than the burst allows, there is room.
"""

from datetime import timedelta

from storage.database import Database

BURST = timedelta(seconds=5)
"""Allowance that may be used at once: the share of five seconds."""


async def reserve(db: Database, name: str, *, per_minute: int) -> bool:
    """Take one submit out of a budget; False, and nothing taken, when there is no room."""
    taken = await db.fetchval(
        """
        INSERT INTO rate_budgets AS budget (name, next_due) VALUES ($1, now() + $2)
        ON CONFLICT (name) DO UPDATE SET next_due = greatest(budget.next_due, now()) + $2
            WHERE budget.next_due <= now() + $3
        RETURNING name
        """,
        name,
        _interval(per_minute),
        BURST,
    )
    return taken is not None


async def charge(db: Database, name: str, *, per_minute: int) -> None:
    """Take one submit out of a budget, room or not: somebody else has spaced it already."""
    await db.execute(
        """
        INSERT INTO rate_budgets AS budget (name, next_due) VALUES ($1, now() + $2)
        ON CONFLICT (name) DO UPDATE SET next_due = greatest(budget.next_due, now()) + $2
        """,
        name,
        _interval(per_minute),
    )


def _interval(per_minute: int) -> timedelta:
    return timedelta(minutes=1) / per_minute
