"""The table `signing_secrets`: what deliveries are signed with, sealed.

The secret of an endpoint signs what goes to it; the secret of a tenant signs what goes to the
`callback_url` of its jobs. While one secret replaces another, both sign.
"""

import base64
import os
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from jobs.errors import RotationUnderWay
from jobs.values import EndpointId, Tenant
from jobs.webhooks import PREFIX
from storage.database import Database
from storage.sealing import Vault

KEY_BYTES = 32
"""Of a new secret; the standard asks for 24 to 64."""

OVERLAP = timedelta(hours=24)
"""How long a secret that was replaced goes on to sign, unless asked otherwise."""


@dataclass(frozen=True)
class Secret:
    """A secret that signs; `expires_at` is set once another one replaced it."""

    text: str
    created_at: datetime
    expires_at: datetime | None


def new_secret() -> str:
    """Make up a secret."""
    return PREFIX + base64.b64encode(os.urandom(KEY_BYTES)).decode()


async def signing(
    db: Database, vault: Vault, tenant: Tenant, endpoint_id: EndpointId | None
) -> list[Secret]:
    """Return the secrets that sign at the moment, the current one first.

    A tenant's own secret is made when it is needed first.
    """
    if found := await _unexpired(db, vault, tenant, endpoint_id):
        return found
    await _insert(db, vault, tenant, endpoint_id, new_secret())
    return await _unexpired(db, vault, tenant, endpoint_id)


async def rotate(
    db: Database,
    vault: Vault,
    tenant: Tenant,
    endpoint_id: EndpointId | None,
    *,
    overlap: timedelta,
    force: bool,
) -> list[Secret]:
    """Replace the current secret; return those that sign now, the new one first.

    Args:
        db: The database.
        vault: Seals the new secret.
        tenant: Whose secret it is.
        endpoint_id: The endpoint's; None for the tenant's own.
        overlap: How long the old one goes on to sign.
        force: End what is left of an earlier overlap instead of refusing.

    Raises:
        RotationUnderWay: An earlier secret still signs besides the current one, or somebody else
            replaced it at the same time.
    """
    sealed = vault.seal(new_secret())
    try:
        blocked = await db.fetchval(ROTATE, tenant, endpoint_id, force, overlap, sealed)
    except asyncpg.UniqueViolationError as error:
        raise RotationUnderWay("somebody else replaced the secret at the same time") from error
    if blocked:
        raise RotationUnderWay("an earlier secret has not expired yet")
    return await _unexpired(db, vault, tenant, endpoint_id)


ROTATE = """
WITH mine AS (
    SELECT id, expires_at FROM signing_secrets
    WHERE tenant = $1 AND endpoint_id IS NOT DISTINCT FROM $2 FOR UPDATE),
blocked AS (SELECT id FROM mine WHERE expires_at > now() AND NOT $3),
gone AS (
    DELETE FROM signing_secrets s USING mine
    WHERE s.id = mine.id AND mine.expires_at IS NOT NULL AND NOT EXISTS (SELECT FROM blocked)),
replaced AS (
    UPDATE signing_secrets s SET expires_at = now() + $4::interval FROM mine
    WHERE s.id = mine.id AND mine.expires_at IS NULL AND NOT EXISTS (SELECT FROM blocked)
    RETURNING s.id),
added AS (
    -- Counting makes it wait for the update: only one secret may be the current one.
    INSERT INTO signing_secrets (tenant, endpoint_id, sealed)
    SELECT $1, $2, $5 WHERE (SELECT count(*) FROM replaced) >= 0
        AND NOT EXISTS (SELECT FROM blocked))
SELECT EXISTS (SELECT FROM blocked)
"""
"""Replaces the current secret, unless an earlier overlap goes on; tells whether it does."""


async def _unexpired(
    db: Database, vault: Vault, tenant: Tenant, endpoint_id: EndpointId | None
) -> list[Secret]:
    rows = await db.fetch(
        """
        SELECT sealed, created_at, expires_at FROM signing_secrets
        WHERE tenant = $1 AND endpoint_id IS NOT DISTINCT FROM $2
            AND COALESCE(expires_at, 'infinity') > now()
        ORDER BY expires_at DESC NULLS FIRST
        """,
        tenant,
        endpoint_id,
    )
    return [
        Secret(vault.open(each["sealed"]), each["created_at"], each["expires_at"]) for each in rows
    ]


async def _insert(
    db: Database, vault: Vault, tenant: Tenant, endpoint_id: EndpointId | None, text: str
) -> None:
    # Whoever comes second keeps what the first one wrote.
    await db.execute(
        """
        INSERT INTO signing_secrets (tenant, endpoint_id, sealed) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
        """,
        tenant,
        endpoint_id,
        vault.seal(text),
    )
