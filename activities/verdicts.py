"""What a response that ended means for its step."""

from dataclasses import dataclass
from typing import Any

from openai.types.responses import Response, ResponseOutputMessage
from openai.types.responses.response_output_message import Content

from jobs.errors import (
    JobError,
    ResponseCallsTools,
    ResponseCanceledUpstream,
    ResponseFailed,
    ResponseFailedTransiently,
    ResponseIncomplete,
    ResponseRefused,
    ResponseTruncated,
)
from jobs.money import Usage
from jobs.options import OnIncomplete
from jobs.texts import keepable
from storage.responses import State

ENDED = frozenset({"completed", "failed", "cancelled", "incomplete"})
"""Statuses after which nothing changes. A status we do not know is not one of them."""

TRANSIENT_CODES = frozenset({"server_error", "rate_limit_exceeded", "vector_store_timeout"})
"""Error codes of failed responses that a new submit may not meet again."""

LEFT_TO_CALLERS = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "mcp_approval_request",
        "shell_call",
    }
)
"""What a response may end with when it wants something of its caller."""


@dataclass(frozen=True)
class Verdict:
    """How to book a response that ended, and the error its step gets, if any."""

    state: State
    text: str
    error: JobError | None = None


def judge(response: Response, on_incomplete: OnIncomplete = "fail") -> Verdict:
    """Judge a response whose status is in `ENDED`.

    A completed one that says nothing is an answer: some materials hold nothing to say. One that
    calls tools in the place of an answer is none, because nobody here would run them and go on.

    Args:
        response: The response.
        on_incomplete: What an answer counts as that the token limit cut off.
    """
    said = "".join(part.text for part in _parts(response) if part.type == "output_text")
    text = keepable(said)
    if response.status == "completed":
        return _completed(response, text)
    if response.status == "incomplete":
        return _incomplete(response, text, on_incomplete)
    if response.status == "cancelled":
        gone = ResponseCanceledUpstream(f"response {response.id} was canceled")
        return Verdict(State.CANCELED, text, gone)
    return Verdict(State.FAILED, text, _failed(response))


def _completed(response: Response, text: str) -> Verdict:
    refusal = _refusal(response)
    if refusal is not None:
        return Verdict(State.FAILED, text, ResponseRefused(keepable(refusal)))
    calls = _open_calls(response)
    if calls and not _has_answer(response):
        words = keepable(f"no answer, but calls that nobody runs: {', '.join(calls)}")
        return Verdict(State.FAILED, text, ResponseCallsTools(words))
    return Verdict(State.EFFECTIVE, text)


def _incomplete(response: Response, text: str, on_incomplete: OnIncomplete) -> Verdict:
    details = response.incomplete_details
    reason = (details.reason if details else None) or "no reason given"
    cut = reason == "max_output_tokens"
    if on_incomplete == "accept" and cut:
        return Verdict(State.EFFECTIVE, text)
    words = keepable(f"the response stopped: {reason}")
    if on_incomplete == "extend" and cut:
        return Verdict(State.FAILED, text, ResponseTruncated(words))
    return Verdict(State.FAILED, text, ResponseIncomplete(words))


def usage_of(response: Response) -> Usage | None:
    """Return the tokens a response reports; None while, or when, it reports none."""
    usage = response.usage
    if usage is None:
        return None
    # Compatible servers leave the details out, whatever the SDK's types promise.
    into = getattr(usage, "input_tokens_details", None)
    out = getattr(usage, "output_tokens_details", None)
    return Usage(
        input_tokens=usage.input_tokens,
        cached_tokens=getattr(into, "cached_tokens", 0) or 0,
        cache_write_tokens=getattr(into, "cache_write_tokens", 0) or 0,
        output_tokens=usage.output_tokens,
        reasoning_tokens=getattr(out, "reasoning_tokens", 0) or 0,
    )


def _parts(response: Response) -> list[Content]:
    """Return what the model said; some compatible servers send null instead of an empty list."""
    return [part for message in _messages(response) for part in message.content or []]


def _messages(response: Response) -> list[ResponseOutputMessage]:
    return [item for item in response.output or [] if item.type == "message"]


def _has_answer(response: Response) -> bool:
    """Tell whether anything is said beyond what announces calls of tools."""
    final = [each for each in _messages(response) if getattr(each, "phase", None) != "commentary"]
    parts = [part for message in final for part in message.content or []]
    return any(part.type == "output_text" and part.text.strip() for part in parts)


def _open_calls(response: Response) -> list[str]:
    """Name the calls that wait for the caller: beside those it ran, the provider puts outputs."""
    items: list[Any] = [*(response.output or [])]
    outputs = [each for each in items if str(each.type).endswith("_output")]
    done = {call for each in outputs if (call := getattr(each, "call_id", None))}
    left = [each for each in items if _is_left(each) and getattr(each, "call_id", "") not in done]
    return [" ".join(filter(None, (each.type, getattr(each, "name", None)))) for each in left]


def _is_left(item: Any) -> bool:
    by_client = item.type == "tool_search_call" and getattr(item, "execution", "") == "client"
    return item.type in LEFT_TO_CALLERS or by_client


def _refusal(response: Response) -> str | None:
    refusals = (part.refusal for part in _parts(response) if part.type == "refusal")
    return next(refusals, None)


def _failed(response: Response) -> JobError:
    code = response.error.code if response.error else "unknown"
    words = response.error.message if response.error else "no reason given"
    kind = ResponseFailedTransiently if code in TRANSIENT_CODES else ResponseFailed
    return kind(keepable(f"{words} ({code})"))
