"""The table `endpoints`: who wants to hear of a tenant's jobs."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from jobs.errors import EndpointNotFound, TooManyEndpoints
from jobs.values import EndpointId, Tenant
from storage.database import Database

MOST = 50
"""Endpoints of a tenant: each one multiplies what every job sends."""

COLUMNS = """id, url, description, events, hears_children, enabled, disabled_reason, disabled_at,
    failing_since, created_at, updated_at"""


@dataclass(frozen=True)
class Wish:
    """What an endpoint wants to hear, and where."""

    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    hears_children: bool = False
    enabled: bool = True


@dataclass(frozen=True)
class Change:
    """What an endpoint wants from now on; None leaves a thing as it is."""

    url: str | None = None
    description: str | None = None
    events: tuple[str, ...] | None = None
    hears_children: bool | None = None
    enabled: bool | None = None


@dataclass(frozen=True)
class Endpoint:
    """One row."""

    id: EndpointId
    url: str
    description: str
    events: tuple[str, ...]
    hears_children: bool
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


async def insert(db: Database, tenant: Tenant, wish: Wish) -> Endpoint:
    """Add an endpoint.

    Raises:
        TooManyEndpoints: The tenant has as many as it may have.
    """
    row = await db.fetchrow(
        f"""
        INSERT INTO endpoints (tenant, url, description, events, hears_children, enabled,
                               disabled_reason, disabled_at)
        SELECT $1, $2, $3, $4, $5, $6, CASE WHEN NOT $6 THEN 'by_owner' END,
            CASE WHEN NOT $6 THEN now() END
        WHERE (SELECT count(*) FROM endpoints WHERE tenant = $1 AND deleted_at IS NULL) < $7
        RETURNING {COLUMNS}
        """,  # noqa: S608 # COLUMNS is a constant of this file
        tenant,
        wish.url,
        wish.description,
        list(wish.events),
        wish.hears_children,
        wish.enabled,
        MOST,
    )
    if row is None:
        raise TooManyEndpoints(f"there are {MOST} endpoints already")
    return _endpoint(row)


async def get(db: Database, tenant: Tenant, endpoint_id: EndpointId) -> Endpoint:
    """Return an endpoint.

    Raises:
        EndpointNotFound: The tenant has no such endpoint.
    """
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM endpoints "  # noqa: S608 # constant
        "WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL",
        tenant,
        endpoint_id,
    )
    return _found(row, endpoint_id)


async def all_of(db: Database, tenant: Tenant) -> list[Endpoint]:
    """Return a tenant's endpoints, newest first."""
    rows = await db.fetch(
        f"SELECT {COLUMNS} FROM endpoints WHERE tenant = $1 AND deleted_at IS NULL "  # noqa: S608 # constant
        "ORDER BY created_at DESC, id DESC",
        tenant,
    )
    return [_endpoint(row) for row in rows]


async def change(db: Database, tenant: Tenant, endpoint_id: EndpointId, wanted: Change) -> Endpoint:
    """Change what an endpoint wants; enabling forgets its failures, disabling ends its deliveries.

    Raises:
        EndpointNotFound: The tenant has no such endpoint.
    """
    row = await db.fetchrow(
        f"""
        WITH changed AS (
            UPDATE endpoints SET url = COALESCE($3, url), description = COALESCE($4, description),
                events = COALESCE($5, events), hears_children = COALESCE($6, hears_children),
                enabled = COALESCE($7, enabled), updated_at = now(),
                disabled_reason = CASE WHEN NOT COALESCE($7, enabled)
                    THEN COALESCE(disabled_reason, 'by_owner') END,
                disabled_at = CASE WHEN NOT COALESCE($7, enabled)
                    THEN COALESCE(disabled_at, now()) END,
                failures = CASE WHEN $7 AND NOT enabled THEN 0 ELSE failures END,
                failing_since = CASE WHEN $7 AND NOT enabled THEN NULL ELSE failing_since END
            WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL
            RETURNING *),
        {abandon("SELECT id FROM changed WHERE NOT enabled")}
        SELECT {COLUMNS} FROM changed
        """,  # noqa: S608 # constants
        tenant,
        endpoint_id,
        wanted.url,
        wanted.description,
        wanted.events,
        wanted.hears_children,
        wanted.enabled,
    )
    return _found(row, endpoint_id)


async def delete(db: Database, tenant: Tenant, endpoint_id: EndpointId) -> None:
    """Delete an endpoint with its secrets; the log of its deliveries stays.

    Raises:
        EndpointNotFound: The tenant has no such endpoint.
    """
    found = await db.fetchval(
        f"""
        WITH deleted AS (
            UPDATE endpoints SET deleted_at = now(), enabled = FALSE,
                disabled_reason = COALESCE(disabled_reason, 'by_owner')
            WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL RETURNING id),
        secrets AS (
            DELETE FROM signing_secrets USING deleted WHERE endpoint_id = deleted.id),
        {abandon("SELECT id FROM deleted")}
        SELECT id FROM deleted
        """,  # noqa: S608 # constants
        tenant,
        endpoint_id,
    )
    if found is None:
        raise EndpointNotFound(f"no endpoint {str(endpoint_id)!r}")


def abandon(endpoint_ids: str) -> str:
    """Return a CTE that ends the open deliveries of disabled endpoints, given by a SELECT."""
    return f"""
        abandoned AS (
            UPDATE deliveries SET status = 'abandoned', last_error = 'endpoint_disabled',
                ended_at = now(), next_attempt_at = NULL
            WHERE endpoint_id IN ({endpoint_ids}) AND status IN ('pending', 'delivering'))
    """  # noqa: S608 # a SELECT of our own code


def _found(row: asyncpg.Record | None, endpoint_id: EndpointId) -> Endpoint:
    if row is None:
        raise EndpointNotFound(f"no endpoint {str(endpoint_id)!r}")
    return _endpoint(row)


def _endpoint(row: asyncpg.Record) -> Endpoint:
    return Endpoint(**{**row, "events": tuple(row["events"])})
