"""The table `inbox`: notices of the provider, and the channel that wakes those who wait.

A notice is written down before it is answered, and told to the workers afterwards, outside that
transaction: NOTIFY inside of one makes all commits of the server queue up behind one lock.
"""

from dataclasses import dataclass
from datetime import timedelta

from storage import forgetting
from storage.database import Database

CHANNEL = "backburner_responses"
"""Where workers listen for the ids of responses that have ended; none if some were missed."""

LET_GO = "backburner_let_go"
"""Where they listen for the ids of responses that were canceled because nobody wants them: of no
interest to who asks if the provider's notices come."""

LONGEST_NOTICE = 7_500
"""Bytes of ids per NOTIFY; Postgres refuses payloads of 8,000 bytes and more."""

MEMORY = timedelta(days=4)
"""How long notices are kept; OpenAI repeats its deliveries for up to 72 hours."""


@dataclass(frozen=True)
class Notice:
    """One delivery of the provider."""

    webhook_id: str
    response_id: str
    type: str


async def put(db: Database, notice: Notice) -> bool:
    """Write a notice down; False when it was there already."""
    new = await db.fetchval(
        """
        INSERT INTO inbox (webhook_id, response_id, type) VALUES ($1, $2, $3)
        ON CONFLICT (webhook_id) DO NOTHING RETURNING webhook_id
        """,
        notice.webhook_id,
        notice.response_id,
        notice.type,
    )
    return new is not None


async def tell(db: Database, response_ids: list[str], *, channel: str = CHANNEL) -> None:
    """Wake whoever waits for these responses, in as few notifications as fit."""
    for payload in _payloads(response_ids):
        await db.execute("SELECT pg_notify($1, $2)", channel, payload)


async def tell_missed(db: Database) -> None:
    """Have whoever waits look for itself: notices may have come while nobody took them."""
    await db.execute("SELECT pg_notify($1, '')", CHANNEL)


async def known(db: Database, response_ids: list[str]) -> set[str]:
    """Return those of the responses that a notice has come for."""
    rows = await db.fetch(
        "SELECT DISTINCT response_id FROM inbox WHERE response_id = ANY($1)", response_ids
    )
    return {row["response_id"] for row in rows}


async def strangers(db: Database, *, limit: int) -> list[str]:
    """Return responses that notices came for and that no submit of ours has the id of.

    Notices of responses we know are marked as matched on the way, so that each is looked at once.
    """
    await db.execute(
        """
        UPDATE inbox SET matched_at = now() WHERE matched_at IS NULL
            AND EXISTS (SELECT FROM responses r WHERE r.response_id = inbox.response_id)
        """
    )
    rows = await db.fetch(
        """
        SELECT response_id, min(received_at) AS first FROM inbox WHERE matched_at IS NULL
        GROUP BY response_id ORDER BY first LIMIT $1
        """,
        limit,
    )
    return [row["response_id"] for row in rows]


async def nameless_submits_exist(db: Database) -> bool:
    """Tell whether any submit waits for an id; if none does, no stranger can be ours."""
    found: bool = await db.fetchval(
        """
        SELECT EXISTS (SELECT FROM responses
            WHERE response_id IS NULL AND state IN ('open', 'uncertain')
                AND intent_at > now() - $1::interval)
        """,
        MEMORY,
    )
    return found


async def mark_matched(
    db: Database, response_id: str, *, older_than: timedelta = timedelta(0)
) -> None:
    """Note that a response was adopted or is not ours; younger notices of it stay unmatched."""
    await db.execute(
        """
        UPDATE inbox SET matched_at = now() WHERE response_id = $1 AND matched_at IS NULL
            AND received_at <= now() - $2::interval
        """,
        response_id,
        older_than,
    )


async def forget(db: Database) -> None:
    """Delete notices that the provider will not repeat any more, the oldest first."""
    await forgetting.forget(db, "inbox", key="webhook_id", moment="received_at", memory=MEMORY)


def _payloads(response_ids: list[str]) -> list[str]:
    payloads: list[str] = []
    filled: list[str] = []
    size = 0
    for each in response_ids:
        if filled and size + len(each) + 1 > LONGEST_NOTICE:
            payloads.append(",".join(filled))
            filled, size = [], 0
        filled.append(each)
        size += len(each) + 1
    return [*payloads, ",".join(filled)] if filled else payloads
