"""Looking at a job together with the jobs that it runs."""

from typing import Any

from jobs.children import child_id
from jobs.status import JobStatus
from jobs.values import JobId
from storage import executions
from storage.executions import Life
from storage.jobs import COLUMNS, JobRow, to_row
from tests.installation import Installation, eventually
from tests.workflows.looking import agreed, created_by, responses_open, scripted

STUCK = scripted("Wait.", outcome="stuck")


def errand(key: str, type: str = "test_asks", **payload: Any) -> dict[str, Any]:
    """Describe a job for `test_parents` to run."""
    return {"key": key, "type": type, "payload": payload}


def asking(key: str, *prompts: str) -> dict[str, Any]:
    """Describe a job that asks these prompts, one after another."""
    return errand(key, prompts=list(prompts))


async def family(house: Installation, root: JobId) -> list[JobRow]:
    """Return a root and all its descendants, oldest first; the house knows them from now on."""
    rows = await house.db.fetch(
        f"SELECT {COLUMNS} FROM jobs WHERE root_id = $1 ORDER BY created_at, id",  # noqa: S608 # constant
        root,
    )
    house.ids.extend(row["id"] for row in rows if row["id"] not in house.ids)
    return [to_row(row) for row in rows]


async def all_agreed(house: Installation, root: JobId) -> list[JobRow]:
    """Wait for the end of a root; check every member of its family from all sides."""
    await house.ended(root)
    rows = await family(house, root)
    return [row if await never_ran(house, row) else await agreed(house, row.id) for row in rows]


async def never_ran(house: Installation, row: JobRow) -> bool:
    """Tell whether a job ended in its row alone: it did not fit, or nobody wanted it any more."""
    if await executions.look(house.client, row.id) is not Life.ABSENT:
        return False
    assert row.status in (JobStatus.FAILED, JobStatus.CANCELED)
    assert row.cost.responses == 0
    return True


async def child_asks(house: Installation, parent: JobId, key: str, count: int = 1) -> JobId:
    """Wait until a child has as many responses open at the provider; return its id."""
    child = child_id(parent, key)
    await eventually(lambda: family(house, parent), lambda rows: child in {r.id for r in rows})
    await responses_open(house, child, count)
    return child


async def statuses_at_provider(house: Installation, rows: list[JobRow]) -> list[str]:
    """Return the statuses of all responses of a family, sorted."""
    return sorted([each["status"] for row in rows for each in await created_by(house, row.id)])
