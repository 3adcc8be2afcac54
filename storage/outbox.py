"""The outbox: rows of `deliveries` that are written with what they tell of, and then dispatched.

A row is written in the transaction that makes a job end, ask for an approval, and so on. So nothing
that is recorded goes untold, whoever recorded it and whatever dies afterwards. Dispatchers hear of
new rows by a notification, which is sent after that transaction (see `storage/inbox.py`), and find
those they did not hear of by looking now and then.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from jobs.errors import ServiceUnavailable
from jobs.values import DeliveryId, Tenant
from storage.database import Database

logger = logging.getLogger(__name__)

CHANNEL = "backburner_deliveries"
"""Where dispatchers listen for new rows."""

CLAIM = timedelta(seconds=30)
"""How long a dispatcher may take to start the workflows of its rows until others try."""

OVERDUE = timedelta(minutes=10)
"""A delivery this late has lost its workflow, or its receiver has its hands full."""


@dataclass(frozen=True)
class Claimed:
    """A delivery whose workflow is to be started, or woken when it is not the first round.

    Attributes:
        traceparent: The trace of its job, where it goes on.
    """

    id: DeliveryId
    tenant: Tenant
    channel: str
    event: str
    round: int
    traceparent: str | None = None


def outbox(source: str) -> str:
    """Return the CTEs that tell everybody who wants to hear of the rows of another CTE.

    The statement must send no notification itself: call `tell` once it is done and `outbox` has
    rows.

    Args:
        source: Name of a CTE with the columns `tenant`, `event`, `data`, `job_id`, `url` (of the
            job itself, may be NULL), `notify` (channels, as in the table `jobs`), `of_child`
            (whether the job has a parent) and `of_endpoint` (an endpoint that the event is about,
            which therefore does not hear of it).

    Returns:
        SQL for two CTEs, the last of which is called `outbox` and has a row per delivery.
    """
    return f"""
        listeners AS (
            SELECT tenant, event, data, job_id, NULL::uuid AS endpoint_id, url, TRUE AS enabled,
                'callback' AS channel, NULL::text AS via, '{{}}'::text[] AS recipients
            FROM {source} WHERE url IS NOT NULL
            UNION ALL
            SELECT tenant, event, data, job_id, NULL, NULL, TRUE, 'notification',
                n->>'channel', ARRAY(SELECT jsonb_array_elements_text(n->'to'))
            FROM {source}, jsonb_array_elements(notify) AS n WHERE n->'events' ? event
            UNION ALL
            SELECT h.tenant, h.event, h.data, h.job_id, e.id, e.url, e.enabled, 'callback',
                NULL, '{{}}'
            FROM {source} h JOIN endpoints e ON e.tenant = h.tenant AND e.deleted_at IS NULL
            WHERE (e.events = '{{}}' OR h.event = ANY(e.events))
                AND (e.hears_children OR NOT h.of_child)
                AND e.id IS DISTINCT FROM h.of_endpoint),
        outbox AS (
            INSERT INTO deliveries (tenant, event, data, job_id, endpoint_id, url, channel, via,
                                    recipients, status, last_error, ended_at)
            SELECT tenant, event, data, job_id, endpoint_id, url, channel, via, recipients,
                CASE WHEN enabled THEN 'pending' ELSE 'abandoned' END,
                CASE WHEN NOT enabled THEN 'endpoint_disabled' END,
                CASE WHEN NOT enabled THEN now() END
            FROM listeners RETURNING id)
    """  # noqa: S608 # the name of a CTE, chosen by our own code


async def tell(db: Database) -> None:
    """Have some dispatcher look at the outbox now; if that fails it looks soon anyway."""
    with suppress(ServiceUnavailable):
        await db.execute("SELECT pg_notify($1, '')", CHANNEL)


async def claim(db: Database, *, limit: int) -> list[Claimed]:
    """Take rows whose workflow is to be started, and those that are overdue, the oldest first.

    Each one is handed out again unless `started` is called for it in time.
    """
    rows = await db.fetch(
        """
        WITH pending AS (
            SELECT id FROM deliveries
            WHERE status = 'pending' AND COALESCE(claimed_until, '-infinity') < now()
            ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED),
        overdue AS (
            SELECT id FROM deliveries
            WHERE status = 'delivering' AND next_attempt_at < now() - $2::interval
                AND COALESCE(claimed_until, '-infinity') < now()
            ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        UPDATE deliveries d
        SET claimed_until = now() + CASE d.status WHEN 'pending' THEN $1::interval ELSE $2 END
        FROM (SELECT id FROM pending UNION ALL SELECT id FROM overdue) AS due
        WHERE d.id = due.id
        RETURNING d.id, d.tenant, d.channel, d.event, d.round,
            (SELECT traceparent FROM jobs WHERE jobs.id = d.job_id) AS traceparent
        """,
        CLAIM,
        OVERDUE,
        limit,
    )
    return [Claimed(*row.values()) for row in rows]


async def started(db: Database, claimed: list[Claimed]) -> None:
    """Note that workflows were started; what they have recorded meanwhile stands."""
    await db.execute(
        """
        UPDATE deliveries d SET status = 'delivering', next_attempt_at = now()
        FROM unnest($1::uuid[], $2::integer[]) AS c (id, round)
        WHERE d.id = c.id AND d.round = c.round AND d.status = 'pending'
        """,
        [each.id for each in claimed],
        [each.round for each in claimed],
    )
