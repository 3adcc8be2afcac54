"""Payloads with values that are not known yet: only what is certainly wrong is told."""

from datetime import timedelta
from typing import Literal, Self

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from jobs.examining import examine
from jobs.registry import JobType

HOLE = {"$from": "x"}


class Left(BaseModel):
    side: Literal["left"]
    steps: int


class Right(BaseModel):
    side: Literal["right"]
    name: str


class Given(BaseModel):
    text: str = Field(default="x", min_length=1)
    steps: list[int] = Field(default=[1], max_length=3)
    turn: Left | Right = Left(side="left", steps=1)
    tagged: Left | Right = Field(default=Left(side="left", steps=1), discriminator="side")
    inner: Left = Left(side="left", steps=1)
    low: int = 0
    high: int = 10
    word: str = "even"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is higher than high")
        return self

    @field_validator("word")
    @classmethod
    def _even(cls, word: str) -> str:
        if len(word) % 2:
            raise ValueError("odd")
        return word


DAY = timedelta(days=1)
KIND = JobType("given", "Given", "", Left, Given, Given, DAY, DAY)


@pytest.mark.parametrize(
    ("payload", "holes", "wrong"),
    [
        ({"text": HOLE}, ["/text"], set()),
        ({"text": HOLE, "low": "x"}, ["/text"], {"/low"}),
        ({"steps": [1, HOLE, "x"]}, ["/steps/1"], {"/steps/2"}),
        ({"steps": [HOLE] * 4}, [f"/steps/{n}" for n in range(4)], {"/steps"}),
        ({"text": [HOLE]}, ["/text/0"], {"/text"}),
        ({"nothing": HOLE}, ["/nothing"], {"/nothing"}),
        ({"inner": HOLE}, ["/inner"], set()),
        ({"inner": {"side": "left", "steps": HOLE}}, ["/inner/steps"], set()),
        ({"inner": {"side": "up", "steps": HOLE}}, ["/inner/steps"], {"/inner/side"}),
        ({"inner": {"steps": HOLE}}, ["/inner/steps"], {"/inner/side"}),
        ({"turn": {"side": "left", "steps": HOLE}}, ["/turn/steps"], set()),
        ({"turn": {"side": "right", "name": 5}}, [], {"/turn/name", "/turn/side", "/turn/steps"}),
        ({"turn": HOLE}, ["/turn"], set()),
        ({"tagged": {"side": "left", "steps": HOLE}}, ["/tagged/steps"], set()),
        ({"tagged": HOLE}, ["/tagged"], set()),
        ({"low": 20, "high": HOLE}, ["/high"], set()),
        ({"low": 20, "high": 10}, [], {""}),
        ({"word": "odd", "text": HOLE}, ["/text"], {"/word"}),
    ],
)
def test_nothing_is_said_that_may_be_due_to_an_unknown_value(payload, holes, wrong):
    found = examine(KIND, payload, {}, holes=holes)
    assert wrong <= {each.pointer for each in found.mistakes}
    if holes:
        assert {each.pointer for each in found.mistakes} == wrong
