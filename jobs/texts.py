"""What text has to be like to be kept."""

import re

ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""A NUL in JSON text: its escape, unless the backslash is itself escaped."""


def keepable(text: str) -> str:
    """Return text as UTF-8 and Postgres can hold it: without NUL and lone surrogates.

    JSON can hold both, so a model's answer, or a provider's error, can bring them. What cannot be
    written down would be tried for ever.
    """
    return text.replace("\x00", "").encode(errors="replace").decode()


def keepable_json(text: str) -> str:
    """Return JSON text without NUL, which nobody means."""
    return ESCAPED_NUL.sub(r"\1", text)


def shortened(text: str, longest: int) -> str:
    """Return as much of the beginning of a text as fits into so many bytes of UTF-8.

    What was cut ends in an ellipsis, which counts.
    """
    raw = text.encode()
    if len(raw) <= longest:
        return text
    return raw[: longest - len("…".encode())].decode(errors="ignore") + "…"
