"""The approvals of a tenant, page by page: open ones first, each half newest first."""

from dataclasses import dataclass
from datetime import datetime

from jobs.approvals import ApprovalState, Default
from jobs.values import JobId, Tenant
from storage.database import Database
from storage.where import Where

COLUMNS = """a.job_id, j.type AS job_type, a.key, a.title, a.state, a.editable,
    a.default_answer AS "default", a.deadline, a.requested_at, a.decided_at, a.decided_by,
    a.comment, a.is_default, a.edits IS NOT NULL AS edited"""
"""What was shown and the edits stay in the table: a page of them could be megabytes."""


@dataclass(frozen=True)
class Listed:
    """One row, without what was shown."""

    job_id: JobId
    job_type: str
    key: str
    title: str
    state: ApprovalState
    editable: bool
    default: Default | None
    deadline: datetime
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None
    is_default: bool
    edited: bool


@dataclass(frozen=True)
class Place:
    """Where a page begins: after this approval."""

    is_open: bool
    requested_at: datetime
    job_id: JobId
    key: str


async def page(
    db: Database,
    tenant: Tenant,
    *,
    states: tuple[ApprovalState, ...] = (),
    job_id: JobId | None = None,
    after: Place | None,
    limit: int,
) -> list[Listed]:
    """Return up to `limit` approvals that follow a place; of a root job, its descendants' too.

    An approval that is decided while somebody turns the pages may be seen twice, and is never
    missed: it moves behind the open ones.
    """
    where = Where("a.tenant = {}", tenant)
    if states:
        where.add("a.state = ANY({}::text[])", list(states))
    if job_id:
        where.add("(a.job_id = {0} OR a.root_id = {0})", job_id)
    if after:
        where.add(
            "(a.state = 'open', a.requested_at, a.job_id, a.key) < ({}, {}, {}, {})",
            after.is_open,
            after.requested_at,
            after.job_id,
            after.key,
        )
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM approvals a JOIN jobs j ON j.id = a.job_id "  # noqa: S608 # only constants and $n
        f"{where} "
        "ORDER BY (a.state = 'open') DESC, a.requested_at DESC, a.job_id DESC, a.key DESC "
        f"LIMIT {int(limit)}",
        *where.values,
    )
    return [Listed(**{**row, "state": ApprovalState(row["state"])}) for row in rows]
