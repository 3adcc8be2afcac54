"""Laws of the settle rule: whatever a provider says of a response that ended, one thing follows."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response

from activities.prices import price
from activities.verdicts import ENDED, TRANSIENT_CODES, judge, usage_of
from jobs.errors import (
    ResponseCallsTools,
    ResponseFailedTransiently,
    ResponseIncomplete,
    ResponseRefused,
    ResponseTruncated,
)
from storage.responses import State
from tests.activities.bench import MODEL

words = st.text(max_size=20)
counts = st.integers(0, 10**9)
parts = st.one_of(
    words.map(lambda text: {"type": "output_text", "text": text, "annotations": []}),
    words.map(lambda text: {"type": "refusal", "refusal": text}),
)
items = st.one_of(
    (st.none() | st.lists(parts, max_size=3)).map(
        lambda content: {"id": "m", "type": "message", "role": "assistant", "content": content}
    ),
    st.just({"id": "r", "type": "reasoning", "summary": []}),
    st.just({"id": "c", "type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"}),
)
reasons = st.none() | st.sampled_from(["max_output_tokens", "content_filter", "steered"]) | words
codes = st.sampled_from([*sorted(TRANSIENT_CODES), "invalid_prompt"]) | words
details = st.none() | counts.map(lambda each: {"cached_tokens": each, "reasoning_tokens": each})
usages = st.none() | st.fixed_dictionaries(
    {
        "input_tokens": counts,
        "output_tokens": counts,
        "input_tokens_details": details,
        "output_tokens_details": details,
    }
)
choices = st.sampled_from(["fail", "accept", "extend"])


@st.composite
def ended(draw: st.DrawFn) -> Response:
    """Draw a response as the SDK builds it, which validates nothing."""
    error = draw(st.none() | st.fixed_dictionaries({"code": codes, "message": words}))
    given_up = draw(st.none() | st.fixed_dictionaries({"reason": reasons}))
    said: dict[str, Any] = {
        "id": "resp_1",
        "model": MODEL,
        "status": draw(st.sampled_from(sorted(ENDED))),
        "output": draw(st.none() | st.lists(items, max_size=3)),
        "error": error,
        "incomplete_details": given_up,
        "usage": draw(usages),
    }
    return Response.construct(**said)


laws = settings(deadline=None, max_examples=150)


@laws
@given(ended(), choices)
def test_there_is_an_answer_or_an_error_and_never_both(response: Response, choice: Any):
    verdict = judge(response, choice)
    assert (verdict.error is None) == (verdict.state is State.EFFECTIVE)
    assert verdict.state in (State.EFFECTIVE, State.FAILED, State.CANCELED)


@laws
@given(ended(), choices)
def test_only_a_passing_failure_and_an_extendable_limit_are_tried_again(
    response: Response, choice: Any
):
    error = judge(response, choice).error
    if error is not None and error.retryable:
        code = response.error.code if response.error else None
        reason = response.incomplete_details.reason if response.incomplete_details else None
        if isinstance(error, ResponseFailedTransiently):
            assert (response.status, code in TRANSIENT_CODES) == ("failed", True)
        else:
            assert isinstance(error, ResponseTruncated)
            assert (choice, reason) == ("extend", "max_output_tokens")


@laws
@given(ended(), choices)
def test_a_refusal_is_never_an_answer(response: Response, choice: Any):
    content = [
        part
        for item in response.output or []
        if item.type == "message"
        for part in item.content or []
    ]
    if response.status == "completed" and any(part.type == "refusal" for part in content):
        assert isinstance(judge(response, choice).error, ResponseRefused)


CALL = {"id": "c", "type": "function_call", "name": "look_up", "arguments": "{}", "call_id": "1"}
SHELL: dict[str, Any] = {
    "id": "s",
    "type": "shell_call",
    "call_id": "2",
    "action": {},
}
REASONING: dict[str, Any] = {"id": "r", "type": "reasoning", "summary": []}


def message(text: str, **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": "m", "type": "message", "role": "assistant", "content": [part]} | more


def completed(*output: dict[str, Any]) -> Response:
    said: dict[str, Any] = {"id": "resp_1", "status": "completed", "output": [*output]}
    return Response.construct(**said)


@pytest.mark.parametrize(
    "output",
    [
        [CALL],
        [REASONING, CALL],
        [message(" "), CALL],
        [message("Let me look that up.", phase="commentary"), CALL],
        [CALL, CALL | {"type": "custom_tool_call"}],
        [SHELL],
        [{"id": "m", "type": "mcp_approval_request", "name": "search", "arguments": "{}"}],
        [{"id": "t", "type": "tool_search_call", "execution": "client", "arguments": {}}],
    ],
    ids=["call", "reasoning", "blank", "announced", "two", "shell", "approval", "search"],
)
def test_calls_that_nobody_runs_are_no_answer(output: list[dict[str, Any]]):
    verdict = judge(completed(*output), "accept")
    assert (verdict.state, type(verdict.error)) == (State.FAILED, ResponseCallsTools)
    assert str(output[-1]["type"]) in str(verdict.error)


@pytest.mark.parametrize(
    "output",
    [
        [],
        [REASONING],
        [message("")],
        [message("Done."), CALL],
        [message("Let me see.", phase="commentary"), message("Done.", phase="final_answer")],
        [SHELL, {"id": "o", "type": "shell_call_output", "call_id": "2", "output": []}],
        [{"id": "t", "type": "tool_search_call", "execution": "server", "arguments": {}}],
        [{"id": "w", "type": "web_search_call", "status": "completed"}],
    ],
    ids=["nothing", "reasoning", "empty", "said too", "said", "own shell", "own search", "web"],
)
def test_what_leaves_nothing_to_be_run_is_an_answer_even_without_words(
    output: list[dict[str, Any]],
):
    verdict = judge(completed(*output))
    assert (verdict.state, verdict.error) == (State.EFFECTIVE, None)


@laws
@given(ended())
def test_what_is_cut_off_counts_only_where_that_was_chosen(response: Response):
    if response.status == "incomplete":
        assert isinstance(judge(response, "fail").error, ResponseIncomplete)
        reason = response.incomplete_details.reason if response.incomplete_details else None
        is_used = judge(response, "accept").state is State.EFFECTIVE
        assert is_used is (reason == "max_output_tokens")


@laws
@given(ended(), st.sampled_from([None, "default", "flex", "priority", "batch"]))
def test_usage_is_counted_in_full_or_not_at_all_and_never_negative(
    response: Response, tier: str | None
):
    usage = usage_of(response)
    assert (usage is None) == (response.usage is None)
    if usage is not None:
        assert min(usage.model_dump().values()) >= 0
        cost = price(usage, model=MODEL, service_tier=tier)
        assert cost is None or cost.usd >= 0
