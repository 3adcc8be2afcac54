"""Compose what a response says: honest toys, taken from the input, the same every time."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from local.openai_emulator.reading import Reader
from local.openai_emulator.scripts import Script, split_marker
from local.openai_emulator.shapes import Shaper

_LETTERS_PER_TOKEN = 4
_REFUSAL = "I cannot help with that request."
_WRONG_SHAPE = json.dumps({"emulated": "this does not fit the schema that was asked for"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a response will be when it is finished, and what it will have cost."""

    status: Literal["completed", "failed", "incomplete"]
    text: str
    reasoning_tokens: int
    refused: bool = False
    error_code: str | None = None
    incomplete_reason: str | None = None

    @property
    def output_tokens(self) -> int:
        """Count the visible and the reasoning tokens."""
        return count_tokens(self.text) + self.reasoning_tokens


def count_tokens(text: str) -> int:
    """Estimate tokens at four letters each."""
    return -(-len(text) // _LETTERS_PER_TOKEN)


def compose(body: dict[str, Any], text: str, script: Script, *, misshapen: bool) -> Answer:
    """Answer a create body whose user text is `text`, as the script wants it."""
    if script.outcome == "failed":
        return Answer("failed", "", 0, error_code=script.error_code or "server_error")
    if script.outcome == "refusal":
        return Answer("completed", _REFUSAL, 0, refused=True)
    said = _WRONG_SHAPE if misshapen else script.output_text
    if said is None:
        said = _said(body, split_marker(text)[0])
    effort = (body.get("reasoning") or {}).get("effort")
    thought = 0 if effort == "none" else count_tokens(said) // 4
    if script.outcome == "incomplete":
        half = said[: len(said) // 2]
        return Answer("incomplete", half, thought, incomplete_reason=script.incomplete_reason)
    limit = body.get("max_output_tokens")
    if limit is not None and count_tokens(said) + thought > limit:
        thought = min(thought, limit)
        cut = said[: (limit - thought) * _LETTERS_PER_TOKEN]
        return Answer("incomplete", cut, thought, incomplete_reason="max_output_tokens")
    return Answer("completed", said, thought)


def _said(body: dict[str, Any], text: str) -> str:
    reader = Reader(text)
    text_format = (body.get("text") or {}).get("format") or {"type": "text"}
    if text_format["type"] == "json_schema":
        value = Shaper(text_format["schema"], reader).value()
        return json.dumps(value, ensure_ascii=False)
    plain = reader.summary(4) or reader.best()
    if text_format["type"] == "json_object":
        return json.dumps({"text": plain}, ensure_ascii=False)
    return plain


def user_text(body: dict[str, Any]) -> str:
    """Collect what the user and their tools said; instructions are not material to answer from."""
    said = _texts(body.get("input") or "", ("user",))
    variables = ((body.get("prompt") or {}).get("variables") or {}).values()
    said += [each if isinstance(each, str) else each.get("text", "") for each in variables]
    return "\n\n".join(text for text in said if text)


def input_tokens(body: dict[str, Any]) -> int:
    """Estimate the tokens of everything the model reads."""
    read = [*_texts(body.get("input") or "", ("user", "system", "developer", "assistant"))]
    read += [body.get("instructions") or "", json.dumps(body.get("text") or "")]
    return max(1, sum(count_tokens(text) for text in read))


def _texts(said: Any, roles: tuple[str, ...]) -> list[str]:
    if isinstance(said, str):
        return [said]
    found: list[str] = []
    for item in said:
        content = item.get("content", "") if item.get("role") in roles else item.get("output", "")
        if isinstance(content, str):
            found.append(content)
        elif isinstance(content, list):
            found += [part["text"] for part in content if isinstance(part.get("text"), str)]
    return found
