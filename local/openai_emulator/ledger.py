"""Every response ever created, and what it looks like at a moment.

A status is read off the clock when somebody asks, so a waiting response costs no task and no timer.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.openai_emulator.answers import Answer
from local.openai_emulator.scripts import Script

# OpenAI keeps unstored background responses for about ten minutes, so that they can be polled.
_UNSTORED_SECONDS = 600.0
_ECHOED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
)


@dataclass(slots=True, kw_only=True)
class Record:
    """One created response."""

    id: str
    body: dict[str, Any]
    text: str
    answer: Answer
    input_tokens: int
    request_id: str
    client_request_id: str | None
    created_at: float
    runs_at: float
    finishes_at: float
    cancel_called_at: float | None = None
    cancelled_at: float | None = None
    deleted: bool = False
    _rendered: dict[str, bytes] = field(default_factory=dict)

    def status(self, now: float) -> str:
        """Read the status off the clock."""
        if self.cancelled_at is not None:
            return "cancelled"
        if now >= self.finishes_at:
            return self.answer.status
        return "in_progress" if now >= self.runs_at else "queued"

    def terminal_at(self, now: float) -> float | None:
        """Return when the response ended, or None while it has not."""
        ended_at = self.cancelled_at if self.cancelled_at is not None else self.finishes_at
        return ended_at if ended_at <= now else None

    def is_kept(self, now: float) -> bool:
        """Tell whether the response can still be retrieved."""
        if self.deleted:
            return False
        if self.body.get("store") is not False:
            return True
        ended_at = self.terminal_at(now)
        return bool(self.body.get("background")) and now < (ended_at or now) + _UNSTORED_SECONDS

    def cancel(self, now: float) -> None:
        """Note the call and stop the response unless it has ended."""
        self.cancel_called_at = self.cancel_called_at or now
        if self.terminal_at(now) is None:
            self.cancelled_at = now

    def finish(self, now: float) -> None:
        """End the response at once, as its script would have ended it."""
        if self.terminal_at(now) is None:
            self.runs_at = min(self.runs_at, now)
            self.finishes_at = now

    def render(self, now: float) -> bytes:
        """Return the response's JSON; each status is rendered once, polls only look it up."""
        status = self.status(now)
        if status not in self._rendered:
            self._rendered[status] = json.dumps(self._as_dict(status, now)).encode()
        return self._rendered[status]

    def usage(self, now: float) -> dict[str, Any] | None:
        """Return what the response has cost, or None while it runs and when it failed."""
        status = self.status(now)
        if status in ("queued", "in_progress", "failed"):
            return None
        share = self._progress() if status == "cancelled" else 1.0
        output = int(self.answer.output_tokens * share)
        reasoning = min(output, self.answer.reasoning_tokens)
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": reasoning},
            "total_tokens": self.input_tokens + output,
        }

    def ledger_entry(self, now: float) -> dict[str, Any]:
        """Return the line of the admin API's ledger."""
        return {
            "id": self.id,
            "created_at": self.created_at,
            "status": self.status(now),
            "terminal_at": self.terminal_at(now),
            "cancelled_at": self.cancel_called_at,
            "metadata": self.body.get("metadata") or {},
            "model": self.body["model"],
            "request_id": self.request_id,
            "client_request_id": self.client_request_id,
            "usage": self.usage(now),
            "deleted": self.deleted,
            "background": bool(self.body.get("background")),
        }

    def _progress(self) -> float:
        ran = (self.cancelled_at or self.runs_at) - self.runs_at
        return min(1.0, max(0.0, ran / max(self.finishes_at - self.runs_at, 1e-9)))

    def _as_dict(self, status: str, now: float) -> dict[str, Any]:
        body = self.body
        tier = body.get("service_tier")
        cost_nothing_yet = self.terminal_at(now) is None
        return {
            "id": self.id,
            "object": "response",
            "created_at": int(self.created_at),
            "status": status,
            "background": bool(body.get("background")),
            "completed_at": int(self.finishes_at) if status == "completed" else None,
            "error": self._error() if status == "failed" else None,
            "incomplete_details": {"reason": self.answer.incomplete_reason}
            if status == "incomplete"
            else None,
            "metadata": body.get("metadata") or {},
            "model": body["model"],
            "output": self._output() if status in ("completed", "incomplete") else [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
            "service_tier": {None: "default", "auto": "default", "fast": "priority"}.get(
                tier, tier
            ),
            "store": body.get("store") is not False,
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools") or [],
            "truncation": body.get("truncation") or "disabled",
            "usage": None if cost_nothing_yet else self.usage(now),
            **{key: body.get(key) for key in _ECHOED},
        }

    def _error(self) -> dict[str, Any]:
        return {"code": self.answer.error_code, "message": "The emulator was told to fail this."}

    def _output(self) -> list[dict[str, Any]]:
        said: dict[str, Any] = {"type": "output_text", "text": self.answer.text, "annotations": []}
        if self.answer.refused:
            said = {"type": "refusal", "refusal": self.answer.text}
        return [
            {
                "id": self.id.replace("resp_", "msg_"),
                "type": "message",
                "role": "assistant",
                "status": self.answer.status,
                "content": [said],
            }
        ]


class Ledger:
    """Keep every record until the emulator is reset."""

    def __init__(self, latency_seconds: float, clock: Callable[[], float]) -> None:
        self.latency_seconds = latency_seconds
        self.now = clock
        self.records: dict[str, Record] = {}

    def find(self, response_id: str) -> Record | None:
        """Return a response that can still be retrieved."""
        record = self.records.get(response_id)
        return record if record and record.is_kept(self.now()) else None

    def schedule(self, script: Script, response_id: str, answer: Answer) -> tuple[float, float]:
        """Return how long a response is queued and how long it then runs, in seconds.

        The usual latency varies by a quarter with the id and grows by half with a long answer.
        """
        jitter = int(hashlib.sha256(response_id.encode()).hexdigest()[:4], 16) / 0xFFFF
        size = min(answer.output_tokens, 2000) / 4000
        usual = self.latency_seconds * (0.75 + jitter / 2) * (1 + size)
        queued = usual * 0.2 if script.queued_seconds is None else script.queued_seconds
        run = usual * 0.8 if script.run_seconds is None else script.run_seconds
        return queued, math.inf if script.outcome == "stuck" else run
