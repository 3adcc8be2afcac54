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
