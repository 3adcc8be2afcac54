"""What the emulator refuses, and how it names the culprit."""

from typing import Any

import openai as sdk
import pytest

OBJECT = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


TOOL = {"type": "function", "name": "f", "parameters": {}, "strict": True}


def structured(schema: dict[str, Any], strict: bool = True) -> dict[str, Any]:
    return {
        "text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": strict}}
    }


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"surprise": 1}, "surprise"),
        ({"input": [{"role": "user", "content": "hi", "bad": 1}]}, "input[0].bad"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x", "z": 1}]}]},
            "input[0].content[0].z",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text",
        ),
        ({"text": {"format": {"type": "text", "nope": 1}}}, "text.format.nope"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity"),
        ({"tools": [TOOL | {"q": 1}]}, "tools[0].q"),
        ({"reasoning": {"effort": "low", "volume": 3}}, "reasoning.volume"),
        ({"background": "yes"}, "background"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(i): "" for i in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"background_options": {"completion_window": "2h"}}, "background_options"),
        ({"stream": True}, "stream"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        (structured({"type": "object", "properties": {}, "required": []}), "text.format.schema"),
        (structured(OBJECT | {"properties": {"a": {"type": "string"}}}), "text.format.schema"),
        (structured(OBJECT | {"$defs": {"D": {"type": "object"}}}), "text.format.schema"),
        (structured({"anyOf": [OBJECT]}), "text.format.schema"),
        (structured(OBJECT | {"allOf": []}), "text.format.schema"),
    ],
)
async def test_a_wrong_body_is_refused_and_the_parameter_named(openai, admin, extra, param):
    body = {"model": "m", "input": "x"} | extra
    with pytest.raises(sdk.BadRequestError) as caught:
        await openai.post("/responses", body=body, cast_to=object)
    assert caught.value.param == param
    assert (await admin.get("/ledger")).json() == []


async def test_a_body_using_much_of_the_api_is_accepted(openai):
    response = await openai.responses.create(
        model="gpt-6-sol",
        input=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "The mill burned in 1874."}],
            },
            {
                "type": "message",
                "role": "assistant",
                "id": "msg_1",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Noted.", "annotations": []}],
            },
            {"role": "user", "content": "Repairs took nine years in all."},
        ],
        background=True,
        background_options={"completion_window": "8h", "continuation_id": "c"},
        store=True,
        metadata={"job": "1"},
        reasoning={"effort": "low"},
        service_tier="auto",
        max_output_tokens=2000,
        truncation="auto",
        prompt_cache_key="k",
        safety_identifier="s",
        **structured({"type": "object"}, strict=False),
    )
    assert response.status == "completed"
