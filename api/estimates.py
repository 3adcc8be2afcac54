"""When a job will probably be finished."""

import math
import time
from dataclasses import dataclass
from datetime import timedelta

from jobs.errors import ServiceUnavailable
from jobs.forecasts import ENOUGH
from jobs.values import Tenant
from storage.database import Database
from storage.job_lists import Durations, durations

OVERDUE_SHARE = 0.1
"""A job later than nearly all before it is expected to take a tenth longer than so far."""

FRESH_SECONDS = 30


@dataclass(frozen=True)
class Expectation:
    """Seconds a job of some type takes.

    Attributes:
        typical: Half of them take longer.
        late: One in twenty takes longer.
    """

    typical: float
    late: float

    def remaining(self, elapsed: float) -> int:
        """Return the whole seconds left, at least one, of a job this many seconds old."""
        left = next(
            (each - elapsed for each in (self.typical, self.late) if elapsed < each),
            elapsed * OVERDUE_SHARE,
        )
        return max(1, math.ceil(left))


def expectation(history: Durations | None, declared: timedelta) -> Expectation:
    """Take the quantiles of finished jobs, or the declared duration until there are enough."""
    if history is None or history.count < ENOUGH:
        return Expectation(declared.total_seconds(), declared.total_seconds())
    return Expectation(history.median, history.p95)


class Estimates:
    """Expectations by tenant and job type, each one asked of Postgres at most twice a minute."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[tuple[Tenant, str], tuple[float, Expectation]] = {}

    async def of(self, tenant: Tenant, job_type: str, declared: timedelta) -> Expectation:
        """Return what a tenant may expect of a job type; nothing of what others do shows in it.

        While Postgres does not answer, that is what was known before, or what the type declares.
        """
        asked_at, found = self._known.get((tenant, job_type), (-math.inf, None))
        if found is None or time.monotonic() - asked_at > FRESH_SECONDS:
            try:
                history = await durations(self._db, tenant, job_type)
            except ServiceUnavailable:
                return found or expectation(None, declared)
            found = expectation(history, declared)
            self._known[tenant, job_type] = (time.monotonic(), found)
        return found
