"""Scripts: what shall happen to one response, and who may say so.

A script comes, in this order, from the header `X-Emulator-Script`, the metadata key `emulator`, a
marker `[[emulator: {...}]]` in the input, a rule of the admin API, or its default. The marker lets
an ordinary document that travels through the whole product decide what happens to it.
"""

import hashlib
import json
import re
from collections import Counter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.openai_emulator.errors import ApiError

Fault = Literal[
    "rate_limited",
    "quota",
    "server_error",
    "overloaded",
    "drop_before",
    "drop_after",
    "slow_reply",
    "bad_request",
    "unauthorized",
    "forbidden",
    "model_not_found",
    "prompt_not_found",
    "conflict",
    "unprocessable",
    "bad_gateway",
    "gateway_timeout",
    "server_error_after",
    "garbled_reply",
]
Outcome = Literal[
    "completed",
    "failed",
    "incomplete",
    "stuck",
    "refusal",
    "bad_json",
    "cancelled_then_completed",
]
IncompleteReason = Literal["max_output_tokens", "max_messages", "content_filter", "steered"]
WebhookMode = Literal["normal", "lost", "duplicate", "early", "late", "reordered"]
_MARKER = re.compile(r"\[\[\s*emulator:\s*")
_MARKER_END = re.compile(r"\s*\]\]")


class Script(BaseModel):
    """Say how one response behaves.

    `fault` strikes the first `fault_times` creates of the same step (see `step_identity`), and so
    does `bad_json`; later creates of that step behave as the rest of the script says. `error_code`
    is the failed response's code, or the code of the error a fault answers with. `headers` go out
    with the create's reply, good or bad, and replace the usual ones. `retrieve_fault` and
    `cancel_fault` strike the first `fault_times` of those calls on the response.

    `status_sequence` is shown, in equal shares of the time, before the response ends, and may
    hold statuses nobody knows. `cancelled_then_completed` says `cancelled` for `revive_seconds`
    after a cancel and is completed then. Reads answer 404 for the first `lag_seconds`.

    What is None follows the emulator's settings. A webhook that is `early` is delivered before the
    create's reply, whether the response has ended or not, and not again at its end; one that is
    `late` waits for `webhook_delay_seconds`; one that is `reordered` waits until another event was
    delivered, but no longer than that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    queued_seconds: float | None = Field(default=None, ge=0)
    run_seconds: float | None = Field(default=None, ge=0)
    outcome: Outcome = "completed"
    error_code: str | None = None
    incomplete_reason: IncompleteReason = "max_output_tokens"
    output_text: str | None = None
    fault: Fault | None = None
    fault_times: int = Field(default=1, ge=0)
    retry_after_seconds: float = Field(default=1.0, ge=0)
    reply_delay_seconds: float = Field(default=1.0, ge=0)
    retry_after_as: Literal["number", "date"] = "number"
    headers: dict[str, str] = {}
    retrieve_fault: Fault | None = None
    cancel_fault: Fault | None = None
    status_sequence: tuple[str, ...] = ()
    revive_seconds: float = Field(default=0.5, ge=0)
    lag_seconds: float | None = Field(default=None, ge=0)
    expire_seconds: float | None = Field(default=None, ge=0)
    service_tier: str | None = None
    webhook: WebhookMode | None = None
    webhook_delay_seconds: float | None = Field(default=None, ge=0)


class Match(BaseModel):
    """Match a create whose metadata has all of these pairs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metadata: dict[str, str]


class Rule(BaseModel):
    """Give a script to the creates that match, at most `times` times; no condition matches all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: Script
    match: Match | None = None
    contains: str | None = None
    times: int | None = Field(default=None, ge=1)

    def applies_to(self, metadata: dict[str, str], text: str) -> bool:
        """Tell whether every condition of the rule holds."""
        if self.match and not self.match.metadata.items() <= metadata.items():
            return False
        return self.contains is None or self.contains in text


class ScriptBook:
    """Choose the script of each create and remember how often each fault has struck."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the default, the rules and all counts."""
        self.default = Script()
        self._rules: list[Rule] = []
        self._rule_uses: Counter[int] = Counter()
        self._strikes: Counter[tuple[str, str]] = Counter()

    def set_rules(self, rules: list[Rule]) -> None:
        """Replace the rules and start their counts anew."""
        self._rules = rules
        self._rule_uses.clear()

    def choose(self, body: dict[str, Any], header: str | None, text: str) -> Script:
        """Find the script of a create.

        Raises:
            ApiError: The script is not one (400).
        """
        metadata = body.get("metadata") or {}
        marker = split_marker(text)[1]
        for place, source in (("header", header), ("metadata", metadata.get("emulator"))):
            if source is not None:
                return _parse(source, place)
        if marker is not None:
            return _parse(marker, "input")
        return self._by_rule(metadata, text)

    def _by_rule(self, metadata: dict[str, str], text: str) -> Script:
        for position, rule in enumerate(self._rules):
            spent = rule.times is not None and self._rule_uses[position] >= rule.times
            if not spent and rule.applies_to(metadata, text):
                self._rule_uses[position] += 1
                return rule.script
        return self.default

    def strikes(self, trouble: str, script: Script, body: dict[str, Any]) -> bool:
        """Count one create of a troubled step and tell whether the trouble still strikes it."""
        key = (trouble, step_identity(body))
        self._strikes[key] += 1
        return self._strikes[key] <= script.fault_times

    def strikes_call(self, call: str, script: Script, response_id: str) -> bool:
        """Count one call on a response and tell whether trouble still strikes it."""
        self._strikes[call, response_id] += 1
        return self._strikes[call, response_id] <= script.fault_times


def step_identity(body: dict[str, Any]) -> str:
    """Name what is being asked for, the same for every submit of one step.

    The client counts its submits in a metadata key that is or ends with `submit`, which is left
    out; without metadata the whole request stands for the step.
    """
    pairs = (body.get("metadata") or {}).items()
    metadata = {key: value for key, value in pairs if not key.endswith("submit")}
    return hashlib.sha256(json.dumps(metadata or body, sort_keys=True).encode()).hexdigest()


def split_marker(text: str) -> tuple[str, str | None]:
    """Take the markers out of a text and return it with the first marker's JSON.

    A marker without valid JSON stays in the text and is returned up to its end, so that it is
    reported instead of ignored.
    """
    found: str | None = None
    position = 0
    while start := _MARKER.search(text, position):
        try:
            _, end = json.JSONDecoder().raw_decode(text, start.end())
        except json.JSONDecodeError:
            return text, found if found is not None else text[start.end() : start.end() + 200]
        found = found if found is not None else text[start.end() : end]
        close = _MARKER_END.match(text, end)
        text = text[: start.start()] + text[close.end() if close else end :]
        position = start.start()
    return text, found


def _parse(source: str, place: str) -> Script:
    try:
        return Script.model_validate_json(source)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"The emulator script in the {place} is wrong: {where} {first['msg']}"
        raise ApiError(400, message, param="emulator", code="invalid_emulator_script") from error
