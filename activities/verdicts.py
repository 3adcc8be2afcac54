"""What a response that ended means for its step."""

from dataclasses import dataclass

from openai.types.responses import Response
from openai.types.responses.response_output_message import Content

from jobs.errors import (
    JobError,
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


@dataclass(frozen=True)
class Verdict:
    """How to book a response that ended, and the error its step gets, if any."""

    state: State
    text: str
    error: JobError | None = None


def judge(response: Response, on_incomplete: OnIncomplete = "fail") -> Verdict:
    """Judge a response whose status is in `ENDED`.

    Args:
        response: The response.
        on_incomplete: What an answer counts as that the token limit cut off.
    """
    said = "".join(part.text for part in _parts(response) if part.type == "output_text")
    text = keepable(said)
    if response.status == "completed":
        refusal = _refusal(response)
        if refusal is None:
            return Verdict(State.EFFECTIVE, text)
        return Verdict(State.FAILED, text, ResponseRefused(keepable(refusal)))
    if response.status == "incomplete":
        return _incomplete(response, text, on_incomplete)
    if response.status == "cancelled":
        gone = ResponseCanceledUpstream(f"response {response.id} was canceled")
        return Verdict(State.CANCELED, text, gone)
    return Verdict(State.FAILED, text, _failed(response))


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
    messages = [item for item in response.output or [] if item.type == "message"]
    return [part for message in messages for part in message.content or []]


def _refusal(response: Response) -> str | None:
    refusals = (part.refusal for part in _parts(response) if part.type == "refusal")
    return next(refusals, None)


def _failed(response: Response) -> JobError:
    code = response.error.code if response.error else "unknown"
    words = response.error.message if response.error else "no reason given"
    kind = ResponseFailedTransiently if code in TRANSIENT_CODES else ResponseFailed
    return kind(keepable(f"{words} ({code})"))
