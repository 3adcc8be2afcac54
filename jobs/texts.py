"""What text has to be like to be kept."""


def keepable(text: str) -> str:
    """Return text as UTF-8 and Postgres can hold it: without NUL and lone surrogates.

    JSON can hold both, so a model's answer, or a provider's error, can bring them. What cannot be
    written down would be tried for ever.
    """
    return text.replace("\x00", "").encode(errors="replace").decode()
