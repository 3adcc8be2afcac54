"""Links to results that need no token: they say whose result, until when, and are signed."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobs.errors import ResultLinkRefused
from jobs.values import JobId, Tenant

PATH = "/api/results"
"""Where the gateway serves them."""

PURPOSE = b"backburner result link"
"""Keeps signatures of links apart from everything else that the keys are used for."""

DIGEST_BYTES = 32


@dataclass(frozen=True)
class ResultLink:
    """What a link stands for."""

    tenant: Tenant
    job_id: JobId
    expires_at: datetime


@dataclass(frozen=True)
class ResultLinks:
    """Makes the links that go out.

    Attributes:
        gateway: Where readers reach the gateway; without it links are paths.
        key: Signs them.
        lifetime: How long they work, unless somebody says otherwise.
    """

    gateway: str | None
    key: str
    lifetime: timedelta

    def to(self, path: str) -> str:
        """Return the URL of anything that the gateway serves."""
        return f"{(self.gateway or '').rstrip('/')}{path}"

    def to_result(
        self, tenant: Tenant, job_id: JobId, now: datetime, lifetime: timedelta | None = None
    ) -> str:
        """Return a URL that needs no token."""
        until = now + (self.lifetime if lifetime is None else lifetime)
        return self.to(f"{PATH}/{to_token(ResultLink(tenant, job_id, until), self.key)}")


def without_token(path: str) -> str:
    """Return a path as it may be written down: whoever reads a link can follow it."""
    before, found, _ = path.partition(f"{PATH}/")
    return f"{before}{found}{{token}}" if found else path


def to_token(link: ResultLink, key: str) -> str:
    """Return the text that stands for a link."""
    moment = int(link.expires_at.timestamp())
    claim = json.dumps([link.tenant, str(link.job_id), moment], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(key, claim) + claim).decode().rstrip("=")


def from_token(token: str, keys: Iterable[str], now: datetime) -> ResultLink:
    """Return what a link stands for.

    Raises:
        ResultLinkRefused: None of the keys signed it, or its time is up.
    """
    try:
        signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise ResultLinkRefused("the link is malformed") from error
    digest, claim = signed[:DIGEST_BYTES], signed[DIGEST_BYTES:]
    if not any(hmac.compare_digest(digest, _digest(key, claim)) for key in keys):
        raise ResultLinkRefused("the link is not one of ours")
    tenant, job_id, moment = json.loads(claim)
    expires_at = datetime.fromtimestamp(moment, UTC)
    if now >= expires_at:
        raise ResultLinkRefused(f"the link has expired at {expires_at.isoformat()}")
    return ResultLink(Tenant(tenant), JobId(UUID(job_id)), expires_at)


def _digest(key: str, claim: bytes) -> bytes:
    own_key = hmac.new(key.encode(), PURPOSE, hashlib.sha256).digest()
    return hmac.new(own_key, claim, hashlib.sha256).digest()
