"""Types that the inputs of job types share: what is not worth a request is refused at the door."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

T = TypeVar("T")


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("only whitespace")
    return text


def _each_once(members: list[T]) -> list[T]:
    first: dict[T, int] = {}
    repeats = [
        InitErrorDetails(
            type=PydanticCustomError(
                "repeated", "the same as member {first}", {"first": first[each]}
            ),
            loc=(place,),
            input=each,
        )
        for place, each in enumerate(members)
        if first.setdefault(each, place) != place
    ]
    if repeats:
        raise ValidationError.from_exception_data("members", repeats)
    return members


Words = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(_with_words),
]
"""Text that says something: not only whitespace."""

EachOnce = Annotated[
    list[T], Field(json_schema_extra={"uniqueItems": True}), AfterValidator(_each_once)
]
"""A list in which nothing is named twice; each repeat is told at its own place."""
