"""Claims about strict schemas, judged by the rules the emulator took from OpenAI's guide."""

import json
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from jobs.schemas import strict_schema
from local.openai_emulator.strict_schema import check_format


class Tone(StrEnum):
    """How it sounds."""

    CALM = "calm"
    URGENT = "urgent"


class Author(BaseModel):
    name: str
    born: date | None = None


class Nested(BaseModel):
    author: Author
    others: list[Author] = []
    tone: Tone = Field(default=Tone.CALM, description="beside a reference")
    maybe: Author | None = Field(default=None, description="beside anyOf")


class Optional(BaseModel):
    note: str | None = None
    price: Decimal | None = Field(default=None, examples=["0.10"])
    kind: Literal["a", "b"] = "a"


class Tree(BaseModel):
    """A model that contains itself."""

    label: str
    children: list["Tree"] = []


class Forest(BaseModel):
    trees: list[Tree]


class Empty(BaseModel):
    """Nothing to say."""


class Examples(BaseModel):
    author: str = Field(examples=[{"default": 1, "properties": [2], "$ref": 3}])


Odd = create_model(
    "Odd",
    default=(str, "x"),
    properties=(list[str], ...),
    required=(bool, False),
    reference=(Author, Field(alias="$ref")),
    definitions=(int, Field(alias="$defs", default=1)),
)
LowerCase = create_model(
    "LowerCase",
    inner=(create_model("default", text=(str, "x")), ...),
    other=(create_model("properties", text=(str, "x")), ...),
)
MODELS = [Nested, Optional, Tree, Forest, Empty, Odd, LowerCase]


def nodes(value: Any):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from nodes(inner)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_openai_accepts_the_schema(model):
    schema = strict_schema(model)
    check_format({"type": "json_schema", "name": "m", "strict": True, "schema": schema})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_reference_finds_its_definition(model):
    schema = strict_schema(model)
    for node in nodes(schema):
        if isinstance(node.get("$ref"), str):
            assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_property_and_no_definition_is_lost(model):
    loose, strict = model.model_json_schema(), strict_schema(model)
    assert set(loose.get("$defs", {})) == set(strict.get("$defs", {}))
    assert set(strict["properties"]) == {
        field.alias or name for name, field in model.model_fields.items()
    }


@pytest.mark.parametrize("name", ["default", "properties", "required", "$ref", "$defs"])
def test_a_property_may_be_called_like_a_keyword(name):
    strict = strict_schema(Odd)
    assert name in strict["properties"]
    assert name in strict["required"]


def test_a_keyword_is_still_a_keyword_beside_a_property_of_its_name():
    assert "default" not in strict_schema(Odd)["properties"]["default"]


def test_a_reference_stands_alone():
    assert strict_schema(Nested)["properties"]["tone"] == {"$ref": "#/$defs/Tone"}


def test_a_description_beside_any_of_stays():
    assert strict_schema(Nested)["properties"]["maybe"]["description"] == "beside anyOf"


def test_an_optional_field_is_required_and_nullable():
    strict = strict_schema(Optional)
    assert "note" in strict["required"]
    assert {"type": "null"} in strict["properties"]["note"]["anyOf"]


def test_the_values_of_an_enum_stay():
    assert strict_schema(Nested)["$defs"]["Tone"]["enum"] == ["calm", "urgent"]


def test_a_model_that_contains_itself_is_an_object_at_the_root():
    strict = strict_schema(Tree)
    assert strict["type"] == "object"
    assert strict["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_examples_are_values_and_left_alone():
    example = {"default": 1, "properties": [2], "$ref": 3}
    assert strict_schema(Examples)["properties"]["author"]["examples"] == [example]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_making_a_schema_changes_no_model_and_gives_the_same_text_again(model):
    before = model.model_json_schema()
    first = json.dumps(strict_schema(model))
    assert json.dumps(strict_schema(model)) == first
    assert model.model_json_schema() == before
