"""The table `responses`: the ledger of every submit, written before and after each POST."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import asyncpg

from jobs.errors import StepTakenOver
from jobs.model import JobRef
from jobs.moments import JobStarted, ResponseEnded, ResponseSubmitted, SubmitFailed
from jobs.money import Cost, Usage
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage.bookings import COLUMNS, INTENT, LOSE, SETTLE
from storage.database import Database
from storage.jobs import WANTS_ANSWERS
from telemetry.observer import observe


class State(StrEnum):
    """What became of a submit; the schema explains each one."""

    OPEN = "open"
    EFFECTIVE = "effective"
    FAILED = "failed"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"
    CANCELED = "canceled"
    WASTED = "wasted"


@dataclass(frozen=True)
class Submit:
    """One row: one POST, or the intent of one."""

    tenant: Tenant
    job_id: JobId
    step_key: str
    number: int
    state: State
    model: str
    response_id: str | None
    error_code: str | None
    error_message: str | None
    cost: Cost | None
    output: str | None
    output_key: str | None
    intent_at: datetime
    submitted_at: datetime | None
    is_deleted: bool
    is_delete_due: bool
    delete_error: str | None


@dataclass(frozen=True)
class Settlement:
    """What is known of a response that ended.

    Attributes:
        state: Any state but open and uncertain.
        usage: None when the provider never told.
        usd: None when usage or price is unknown.
        output: The answer, unless `output_key` names the object that holds it.
        retry_after_seconds: Until the step is submitted again; None when it is not.
    """

    state: State
    usage: Usage | None = None
    usd: Decimal | None = None
    price_source: str | None = None
    service_tier: str | None = None
    output: str | None = None
    output_key: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    retry_after_seconds: float | None = None


async def submits_of(db: Database, job: JobRef, step_key: str) -> list[Submit]:
    """Return every submit of a step, oldest first."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM responses "  # noqa: S608 # constant
        "WHERE tenant = $1 AND job_id = $2 AND step_key = $3 ORDER BY submit_number",
        job.tenant,
        job.job_id,
        step_key,
    )
    return [to_submit(row) for row in rows]


async def at(db: Database, job_id: JobId, step_key: str, number: int) -> Submit | None:
    """Return the submit that a response's metadata names, of whatever tenant; None if none is."""
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM responses "  # noqa: S608 # constant
        "WHERE job_id = $1 AND step_key = $2 AND submit_number = $3",
        job_id,
        step_key,
        number,
    )
    return to_submit(row) if row else None


async def rivals_of(db: Database, submit: Submit) -> list[Submit]:
    """Return the other open submits of the same step whose ids are known."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM responses "  # noqa: S608 # constant
        "WHERE job_id = $1 AND step_key = $2 AND submit_number <> $3 AND state = 'open' "
        "AND response_id IS NOT NULL",
        submit.job_id,
        submit.step_key,
        submit.number,
    )
    return [to_submit(row) for row in rows]


async def open_intent(
    db: Database,
    job: JobRef,
    step_key: str,
    number: int,
    *,
    model: str,
    fingerprint: str,
    delete_wanted: bool = False,
) -> Submit | None:
    """Write the intent of a submit and mark the job running, in one transaction.

    A repeated submit counts for the job and for all that run it. `delete_wanted`
    has the response deleted at the provider once it is settled.

    Returns:
        The open submit; None when the job or its work has ended, its cancel was requested, another
        worker has opened this number first, or the step has a response already.
    """
    row = await db.fetchrow(
        INTENT,
        job.tenant,
        job.job_id,
        step_key,
        number,
        model,
        fingerprint,
        delete_wanted,
    )
    if row is None:
        return None
    if row["was"] == JobStatus.PENDING:
        observe(JobStarted(job=job))
    return to_submit(row)


async def store_response_id(
    db: Database, submit: Submit, response_id: str, request_id: str | None
) -> tuple[Submit, bool]:
    """Store the provider's id of a submit. Storing it again changes nothing.

    Returns:
        The submit, and whether somebody still waits for its response: False when the job was
        canceled, when it or its work has ended, when another submit is effective, or when a later
        one is open.

    Raises:
        StepTakenOver: The submit is settled or has another id, or the id is another submit's.
    """
    try:
        row = await _store(db, submit, response_id, request_id)
    except asyncpg.UniqueViolationError as error:
        raise StepTakenOver(f"response {response_id} is another submit's already") from error
    if row is None:
        raise StepTakenOver(f"response {response_id} belongs to a submit that is settled or gone")
    stored = to_submit(row)
    observe(ResponseSubmitted(**_name(stored), response_id=response_id))
    return stored, row["wanted"]


async def _store(
    db: Database, submit: Submit, response_id: str, request_id: str | None
) -> asyncpg.Record | None:
    return await db.fetchrow(
        f"""
        WITH stored AS (
            UPDATE responses SET response_id = $4, request_id = COALESCE(request_id, $5),
                submitted_at = COALESCE(submitted_at, now()),
                state = 'open', error_code = NULL, error_message = NULL
            WHERE job_id = $1 AND step_key = $2 AND submit_number = $3
                AND settled_at IS NULL AND (response_id IS NULL OR response_id = $4)
            RETURNING {COLUMNS})
        SELECT stored.*, {WANTS_ANSWERS}
            AND NOT EXISTS (SELECT FROM responses r WHERE r.job_id = $1 AND r.step_key = $2
                AND (r.submit_number > $3 AND r.state = 'open' OR r.state = 'effective'))
            AS wanted
        FROM stored JOIN jobs j ON j.id = stored.job_id
        """,  # noqa: S608 # constant
        submit.job_id,
        submit.step_key,
        submit.number,
        response_id,
        request_id,
    )


async def mark_uncertain(
    db: Database, submit: Submit, code: str, message: str, retry_after_seconds: float | None = None
) -> bool:
    """Note that a submit's reply was lost; an id that became known meanwhile wins.

    With the seconds until the step is submitted again, the job's events tell of it.

    Returns:
        Whether this call noted it.
    """
    noted = await db.fetchval(
        LOSE,
        submit.job_id,
        submit.step_key,
        submit.number,
        code,
        message,
        retry_after_seconds,
    )
    if noted:
        observe(SubmitFailed(**_name(submit), code=code, message=message))
    return bool(noted)


async def settle(db: Database, submit: Submit, end: Settlement) -> Submit | None:
    """Write down how a submit ended and book its usage on the job and its ancestors, exactly once.

    One that was canceled because another submit of its step won is wasted, whoever finds out. When
    the step will be submitted again, the job's events tell of it.

    Returns:
        The submit as it is booked; None when it was settled before.

    Raises:
        asyncpg.UniqueViolationError: Another submit of the step is effective already.
    """
    row = await db.fetchrow(
        SETTLE,
        submit.job_id,
        submit.step_key,
        submit.number,
        end.state,
        end.usage.model_dump() if end.usage else None,
        end.usd,
        end.price_source,
        end.service_tier,
        end.output,
        end.output_key,
        end.error_code,
        end.error_message,
        *(getattr(end.usage or Usage(), name) for name in Usage.model_fields),
        end.retry_after_seconds,
    )
    if row is None:
        return None
    settled = to_submit(row)
    observe(_end_of(submit, end, settled.state))
    return settled


async def open_of(db: Database, job: JobRef) -> list[Submit]:
    """Return a job's open submits, with or without an id."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM responses "  # noqa: S608 # constant
        "WHERE tenant = $1 AND job_id = $2 AND state = 'open' ORDER BY step_key, submit_number",
        job.tenant,
        job.job_id,
    )
    return [to_submit(row) for row in rows]


async def abandoned(db: Database, *, limit: int) -> list[JobRef]:
    """Return ended jobs that left open submits behind, each time others of them."""
    rows = await db.fetch(
        """
        SELECT tenant, id, type FROM jobs WHERE status IN ('succeeded', 'failed', 'canceled')
            AND id IN (SELECT job_id FROM responses WHERE state = 'open')
        ORDER BY random() LIMIT $1
        """,
        limit,
    )
    return [JobRef(tenant=row["tenant"], job_id=row["id"], type=row["type"]) for row in rows]


def to_submit(row: asyncpg.Record) -> Submit:
    """Turn a row with `COLUMNS` into a submit."""
    return Submit(
        tenant=Tenant(row["tenant"]),
        job_id=row["job_id"],
        step_key=row["step_key"],
        number=row["submit_number"],
        state=State(row["state"]),
        model=row["model"],
        response_id=row["response_id"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        cost=_cost(row),
        output=row["output"],
        output_key=row["output_key"],
        intent_at=row["intent_at"],
        submitted_at=row["submitted_at"],
        is_deleted=row["deleted_at"] is not None,
        is_delete_due=row["delete_due"] is not None,
        delete_error=row["delete_error"],
    )


def _name(submit: Submit) -> dict[str, Any]:
    fields = ("tenant", "job_id", "step_key", "number", "model")
    return {name: getattr(submit, name) for name in fields}


def _end_of(submit: Submit, end: Settlement, state: State) -> ResponseEnded | SubmitFailed:
    about, code = _name(submit), end.error_code
    if state is State.REJECTED:
        return SubmitFailed(**about, code=code or "", message=end.error_message or "")
    about |= {"response_id": submit.response_id, "usage": end.usage, "usd": end.usd}
    return ResponseEnded(**about, state=state, code=code)


def _cost(row: asyncpg.Record) -> Cost | None:
    if row["settled_at"] is None or row["state"] == State.REJECTED:
        return None
    usd: Decimal | None = row["cost_usd"]
    usage = Usage.model_validate(row["usage"] or {})
    return Cost(usd=usd, usage=usage, responses=1, unpriced_responses=int(usd is None))
