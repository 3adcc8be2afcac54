"""Hashes that tell whether two requests are the same."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Serialize JSON so that equal values give equal text: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value, in hex, independent of key order."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
