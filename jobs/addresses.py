"""Which network addresses a callback may go to: public ones, and those the operator allows.

The rule is about addresses, never about names or texts: whatever a URL says, what counts is the
address that is about to be connected to. `ipaddress.is_global` alone is not enough: it lets
multicast, 6to4, NAT64 and more through.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

SPECIAL_V4 = tuple(
    IPv4Network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; Oracle's cloud keeps its metadata here
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # the host of a machine at Azure, under an address that looks public
    )
)
"""IPv4 networks that are not public although `ipaddress` says so."""

UNICAST_V6 = IPv6Network("2000::/3")
"""All public IPv6 addresses there are. NAT64, mapped, site-local and multicast lie outside."""

SPECIAL_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, among them Teredo, which carries an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "3ffe::/16",  # the first test network
        "3fff::/20",  # documentation
    )
)
"""Networks among them that are not public."""

LOOPBACK_NAME = "localhost"

LEGACY_PARTS = 4
"""Parts of an IPv4 address at the most; the C library takes fewer, the last one filling up."""


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public internet."""
    if isinstance(address, IPv6Address):
        special = any(address in network for network in SPECIAL_V6)
        return address in UNICAST_V6 and address.scope_id is None and not special
    special = any(address in network for network in SPECIAL_V4)
    return address.is_global and not address.is_multicast and not special


def may_connect(address: Address, allowed: Iterable[Network]) -> bool:
    """Tell whether a callback may go to an address: it is public, or in a network allowed."""
    return is_public(address) or any(address in network for network in allowed)


def literal(host: str) -> Address | None:
    """Return the address that a host spells out, in any form a resolver takes for one.

    That is besides the usual forms: `2130706433`, `0x7f.1`, `0177.0.0.1`, and the name `localhost`.
    """
    host = host.removeprefix("[").removesuffix("]").removesuffix(".").lower()
    if host == LOOPBACK_NAME or host.endswith(f".{LOOPBACK_NAME}"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(host)
    except ValueError:
        return _legacy(host)


def _legacy(host: str) -> IPv4Address | None:
    """Read an IPv4 address as the C function `inet_aton` does."""
    texts = host.split(".")
    if len(texts) > LEGACY_PARTS:
        return None
    try:
        *first, last = (_number(text) for text in texts)
    except ValueError:
        return None
    if any(part > 0xFF for part in first) or last >= 1 << 8 * (LEGACY_PARTS - len(first)):
        return None
    value = last
    for place, part in enumerate(first):
        value |= part << 8 * (LEGACY_PARTS - 1 - place)
    return IPv4Address(value)


def _number(text: str) -> int:
    if not (text.isascii() and text.isalnum()):
        raise ValueError(text)
    if text.startswith("0x"):
        return int(text[2:], 16)
    return int(text, 8 if text.startswith("0") and text != "0" else 10)
