"""Callbacks: which events there are, where they may go, and how often they are tried."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from jobs.addresses import Network, literal, may_connect
from jobs.errors import CallbackRefused
from jobs.values import DeliveryId, Tenant, Value

CALLBACK = "callback"
"""The channel of signed POSTs; a delivery's row and workflow may carry other channels too."""

PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""Between one attempt and the next: the example of Standard Webhooks, ten attempts in 76 hours."""

JITTER = 0.1
"""How much a pause may differ from the table, either way, so that crowds spread out."""

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""How long a receiver may put us off at the most."""

LONGEST_URL = 2048

PRINTABLE = re.compile(r"(?i)https?://[!-~]+")
"""Printable ASCII: what else is in a URL is read by every parser in its own way."""

UNSAFE = re.compile(r"[\\#]")
"""A backslash ends the host for some parsers, and a fragment is never sent."""

HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]+")


class EventType(StrEnum):
    """What a callback may tell of."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    APPROVAL_NEEDED = "job.approval_needed"
    ENDPOINT_DISABLED = "endpoint.disabled"


TEST_EVENT = "endpoint.test"
"""Sent when somebody asks for a test; nobody subscribes to it."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    ABANDONED = "abandoned"

    @property
    def is_open(self) -> bool:
        """Tell whether there is still something to do for it."""
        return self in (DeliveryStatus.PENDING, DeliveryStatus.DELIVERING)


class AttemptError(StrEnum):
    """Why an attempt failed; the how-to pages of callbacks and notifications explain each one."""

    BLOCKED_ADDRESS = "blocked_address"
    URL_REFUSED = "url_refused"
    NAME_NOT_RESOLVED = "name_not_resolved"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    BROKEN_REPLY = "broken_reply"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    GONE = "gone"
    ENDPOINT_DISABLED = "endpoint_disabled"
    CHANNEL_UNKNOWN = "channel_unknown"
    CHANNEL_UNUSABLE = "channel_unusable"
    AUTHENTICATION_FAILED = "authentication_failed"
    RECIPIENT_REFUSED = "recipient_refused"
    MESSAGE_REFUSED = "message_refused"
    DEFERRED = "deferred"
    NOT_ACCEPTED = "not_accepted"


@dataclass(frozen=True)
class UrlPolicy:
    """Which URLs callbacks may go to.

    Attributes:
        https_only: Whether plain HTTP is refused.
        ports: The ports that may be used; None allows all.
        networks: Networks that are allowed besides the public ones.
    """

    https_only: bool = True
    ports: frozenset[int] | None = frozenset({443})
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True)
class Target:
    """A URL, taken apart once: nothing of it is parsed a second time by somebody else."""

    scheme: str
    host: str
    port: int
    path: str


def target_of(url: str, policy: UrlPolicy) -> Target:
    """Take a URL apart when callbacks may go there, as far as the text tells.

    A name is looked up only when a delivery is due, and its addresses are judged then.

    Raises:
        CallbackRefused: They may not; the detail says why.
    """
    _refuse_writing(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise CallbackRefused(f"the URL cannot be read: {error}") from error
    if "@" in parts.netloc:
        raise CallbackRefused("the URL holds a user name")
    if not HOST.fullmatch(host):
        raise CallbackRefused("the URL has no valid host; write international names as xn--…")
    port = port if port is not None else {"http": 80, "https": 443}[parts.scheme]
    _refuse(parts.scheme, host, port, policy)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def _refuse_writing(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise CallbackRefused(f"the URL has {len(url):,} characters, more than {LONGEST_URL:,}")
    if not PRINTABLE.fullmatch(url):
        raise CallbackRefused("the URL is not an http or https URL of printable ASCII characters")
    if unsafe := UNSAFE.search(url):
        raise CallbackRefused(f"the URL holds the character {unsafe[0]}, which is never sent")


def _refuse(scheme: str, host: str, port: int, policy: UrlPolicy) -> None:
    if policy.https_only and scheme != "https":
        raise CallbackRefused("plain http is refused")
    if policy.ports is not None and port not in policy.ports:
        raise CallbackRefused(f"port {port} is not allowed")
    address = literal(host)
    if address is not None and not may_connect(address, policy.networks):
        raise CallbackRefused(f"{host} is not a public address")


class DeliveryTicket(Value):
    """What a delivery's workflow starts with.

    Attributes:
        pauses: The retry table at the time; a running delivery keeps it.
    """

    delivery_id: DeliveryId
    tenant: Tenant
    channel: str = CALLBACK
    pauses: tuple[timedelta, ...] = PAUSES


class AttemptRequest(Value):
    """One attempt at a delivery.

    Attributes:
        pause: What to wait before the next attempt if this one fails; None when it is the last.
    """

    delivery_id: DeliveryId
    tenant: Tenant
    pause: timedelta | None


class Verdict(Value):
    """What an attempt came to.

    Attributes:
        wait: When to come back; None when the delivery has ended, one way or the other.
        turned_away: Nothing was sent, because the receiver had its hands full: this one does not
            count as an attempt.
    """

    wait: timedelta | None = None
    turned_away: bool = False
