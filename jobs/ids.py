"""Making ids."""

import os
from uuid import UUID

MILLISECOND_BITS, RANDOM_BYTES = 80, 10


def uuid7(milliseconds: int) -> UUID:
    """Return a UUID version 7 (RFC 9562, section 5.7) for a Unix time in milliseconds.

    Such ids sort by time, which keeps the indexes of append-mostly tables dense.
    """
    return as_uuid7(milliseconds << MILLISECOND_BITS | int.from_bytes(os.urandom(RANDOM_BYTES)))


def as_uuid7(value: int) -> UUID:
    """Return 128 bits, the first 48 of which are milliseconds, as a UUID version 7."""
    value &= ~(0xF << 76 | 0x3 << 62)
    return UUID(int=value | 0x7 << 76 | 0x2 << 62)
