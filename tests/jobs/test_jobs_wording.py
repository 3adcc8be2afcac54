"""Mistakes are told in words of JSON, whatever the models are made of."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from jobs.wording import said


class Part(BaseModel):
    name: str


class Whole(BaseModel):
    part: Part | None = None
    parts: tuple[Part, ...] = Field(default=(), min_length=1)
    names: frozenset[str] = Field(default=frozenset(), min_length=1)
    numbers: list[int] = []
    cells: dict[str, str] = {}
    nothing: None = None
    even: int = 0

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("it is odd")
        return value


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "Input should be an object"),
        ({"part": "x"}, "Input should be an object"),
        ({"cells": 1}, "Input should be an object"),
        ({"parts": "x"}, "Input should be a list"),
        ({"numbers": "x"}, "Input should be a list"),
        ({"parts": []}, "List should have at least 1 item after validation, not 0"),
        ({"names": []}, "List should have at least 1 item after validation, not 0"),
        ({"nothing": 1}, "Input should be null"),
        ({"even": 1}, "it is odd"),
        ({"part": {}}, "Field required"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_words_of_json(document: Any, words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Whole.model_validate(document)
    assert [said(each) for each in raised.value.errors()] == [words]
