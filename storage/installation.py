"""The tables `installation` and `watermarks`: who we are, how far was read, whose turn it is."""

from datetime import datetime, timedelta
from uuid import UUID

from storage.database import Database


async def installation_id(db: Database) -> UUID:
    """Return the id made once when this database was created."""
    found: UUID = await db.fetchval("SELECT id FROM installation")
    return found


async def watermark(db: Database, name: str) -> datetime | None:
    """Return how far something was read, None when it never was."""
    reached: datetime | None = await db.fetchval(
        "SELECT reached FROM watermarks WHERE name = $1", name
    )
    return reached


async def move_watermark(db: Database, name: str, reached: datetime) -> None:
    """Move a watermark forward; it never moves back."""
    await db.execute(
        """
        INSERT INTO watermarks (name, reached) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET reached = greatest(watermarks.reached, $2)
        """,
        name,
        reached,
    )


async def take_turn(db: Database, name: str, every: timedelta) -> bool:
    """Take the turn at what one process does now and then; False when one did just now."""
    taken = await db.fetchval(
        """
        INSERT INTO watermarks (name, reached) VALUES ($1, now())
        ON CONFLICT (name) DO UPDATE SET reached = now()
            WHERE watermarks.reached <= now() - $2::interval
        RETURNING name
        """,
        name,
        every,
    )
    return taken is not None
