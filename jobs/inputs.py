"""Types that the inputs of job types share: what is not worth a request is refused at the door."""

from typing import Annotated

from pydantic import AfterValidator, Field


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("only whitespace")
    return text


Words = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(_with_words),
]
"""Text that says something: not only whitespace."""
