"""A Postgres that is away just when an id should be stored, or slow just when a cancel comes."""

import asyncio
from typing import Any

from jobs.errors import ServiceUnavailable
from storage.database import Database
from tests.installation import eventually

STORING, INTENT = "WITH stored", "INSERT INTO responses"


class Moody(Database):
    """A Postgres that stores no id while it is away, and holds up a statement when told to.

    Attributes:
        refusals: How many more ids it refuses to store.
        refused: How many it has refused.
        refusal: How it refuses.
        slow: What the statement that it holds up has in it.
        held: Set while a statement is held up.
        go_on: Lets it go on.
        is_held_after: Whether the statement has done its work when it is held up.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database._pool)
        self.refusals = self.refused = 0
        self.refusal: Exception = ServiceUnavailable(
            "Postgres does not answer: told so by the test"
        )
        self.slow = "nothing"
        self.is_held_after = False
        self.held, self.go_on = asyncio.Event(), asyncio.Event()

    async def fetchrow(self, query: str, *args: object) -> Any:
        if self.refusals and STORING in query:
            self.refusals -= 1
            self.refused += 1
            raise self.refusal
        is_slow = self.slow in query and not self.held.is_set()
        if is_slow and not self.is_held_after:
            await self._hold()
        row = await super().fetchrow(query, *args)
        if is_slow and self.is_held_after:
            await self._hold()
        return row

    async def _hold(self) -> None:
        self.held.set()
        await self.go_on.wait()

    async def refused_again(self) -> None:
        """Wait until it has refused once more than now."""
        seen = self.refused

        async def refused() -> int:
            return self.refused

        await eventually(refused, lambda now: now > seen)
