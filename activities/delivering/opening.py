"""Wires the deed that sends callbacks to its parts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from activities.delivering.callbacks import Callbacks
from activities.delivering.gate import Gate
from activities.delivering.guard import Guard, SystemResolver
from activities.delivering.message import Writer
from activities.delivering.posting import Poster
from jobs.callbacks import UrlPolicy
from storage.database import Database
from storage.sealing import Vault


@contextmanager
def opened(
    db: Database,
    keys: Sequence[str],
    policy: UrlPolicy,
    *,
    public_url: str | None,
    link_lifetime: timedelta,
    timeout: timedelta,
    places: int,
    concurrent: int,
    disable_after: timedelta,
) -> Iterator[Callbacks]:
    """Yield the deed; the threads that look names up end with the block."""
    resolver = SystemResolver()
    try:
        yield Callbacks(
            db=db,
            vault=Vault(keys),
            writer=Writer(db, public_url, keys[0], link_lifetime),
            poster=Poster(Guard(policy.networks, resolver), timeout=timeout),
            gate=Gate(places),
            policy=policy,
            disable_after=disable_after,
            concurrent=concurrent,
        )
    finally:
        resolver.close()
