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
from local.openai_emulator.settings import Tuning

_WINDOW_HOURS = {"2h": 2, "8h": 8}
_ECHOED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "safety_identifier",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
)


@dataclass(slots=True, kw_only=True)
class Record:
    """One created response.

    `other_id` is what a server that rewrites ids calls it after its creation. `announced` holds
    the ends that webhooks have told of.
    """

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
    script: Script = field(default_factory=Script)
    visible_at: float = 0.0
    kept_seconds: float = math.inf
    other_id: str | None = None
    shows_usage_details: bool = True
    revives_at: float = math.inf
    announced: list[str] = field(default_factory=list)
    cancel_called_at: float | None = None
    cancelled_at: float | None = None
    deleted: bool = False
    _rendered: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def status(self, now: float) -> str:
        """Read the status off the clock."""
        if self.cancelled_at is not None and now < self.revives_at:
            return "cancelled"
        if self.cancelled_at is not None or now >= self.finishes_at:
            return self.answer.status
        if self.script.status_sequence:
            return self._scripted_status(now)
        return "in_progress" if now >= self.runs_at else "queued"

    def ends(self) -> list[float]:
        """Return the moments, past or to come, at which the status becomes a terminal one."""
        moments = [self.finishes_at]
        if self.cancelled_at is not None:
            moments = [self.cancelled_at, self.revives_at]
        return [moment for moment in moments if math.isfinite(moment)]

    def terminal_at(self, now: float) -> float | None:
        """Return when the response ended, or None while it has not."""
        return max((moment for moment in self.ends() if moment <= now), default=None)

    def is_kept(self, now: float) -> bool:
        """Tell whether the response can still be retrieved."""
        if self.deleted:
            return False
        if self.body.get("store") is not False:
            return True
        ended_at = self.terminal_at(now)
        in_time = ended_at is None or now < ended_at + self.kept_seconds
        return bool(self.body.get("background")) and in_time

    def cancel(self, now: float) -> None:
        """Note the call and stop the response unless it has ended."""
        self.cancel_called_at = self.cancel_called_at or now
        if self.terminal_at(now) is None:
            self.cancelled_at = now
            if self.script.outcome == "cancelled_then_completed":
                self.revives_at = now + self.script.revive_seconds

    def finish(self, now: float) -> None:
        """End the response at once, as its script would have ended it."""
        if self.terminal_at(now) is None:
            self.runs_at = min(self.runs_at, now)
            self.finishes_at = now

    def render(self, now: float, *, as_id: str | None = None) -> bytes:
        """Return the response's JSON; each status is rendered once, polls only look it up."""
        status, shown_id = self.status(now), as_id or self.id
        if (status, shown_id) not in self._rendered:
            shown = self._as_dict(status, shown_id, now)
            self._rendered[status, shown_id] = json.dumps(shown).encode()
        return self._rendered[status, shown_id]

    def usage(self, now: float) -> dict[str, Any] | None:
        """Return what the response has cost, or None while it runs and when it failed."""
        status = self.status(now)
        if self.terminal_at(now) is None or status == "failed":
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
            "background_options": self.body.get("background_options"),
            "service_tier": self._tier(),
            "webhooks": [f"response.{status}" for status in self.announced],
        }

    def _scripted_status(self, now: float) -> str:
        """Share the time until the end out evenly; a stuck response keeps the last status."""
        statuses = self.script.status_sequence
        end = self.finishes_at if math.isfinite(self.finishes_at) else self.runs_at
        share = (now - self.created_at) / max(end - self.created_at, 1e-9)
        return statuses[min(int(share * len(statuses)), len(statuses) - 1)]

    def _tier(self) -> str:
        """Return the tier that served the response, which need not be the one asked for."""
        tier = self.script.service_tier or self.body.get("service_tier") or "default"
        return {"auto": "default", "fast": "priority"}.get(tier, tier)

    def _progress(self) -> float:
        ran = (self.cancelled_at or self.runs_at) - self.runs_at
        return min(1.0, max(0.0, ran / max(self.finishes_at - self.runs_at, 1e-9)))

    def _as_dict(self, status: str, shown_id: str, now: float) -> dict[str, Any]:
        body = self.body
        return {
            "id": shown_id,
            "object": "response",
            "created_at": int(self.created_at),
            "status": status,
            "background": bool(body.get("background")),
            "completed_at": int(self.terminal_at(now) or 0) if status == "completed" else None,
            "error": self._error() if status == "failed" else None,
            "incomplete_details": {"reason": self.answer.incomplete_reason}
            if status == "incomplete"
            else None,
            "metadata": body.get("metadata") or {},
            "model": body["model"],
            "output": self._output() if status in ("completed", "incomplete") else [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
            "service_tier": self._tier(),
            "store": body.get("store") is not False,
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools") or [],
            "truncation": body.get("truncation") or "disabled",
            "usage": self._shown_usage(now),
            **{key: body.get(key) for key in _ECHOED},
        }

    def _shown_usage(self, now: float) -> dict[str, Any] | None:
        usage = self.usage(now)
        if usage is None or self.shows_usage_details:
            return usage
        return {key: count for key, count in usage.items() if not key.endswith("_details")}

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

    def __init__(self, tuning: Tuning, clock: Callable[[], float]) -> None:
        self.now = clock
        self.records: dict[str, Record] = {}
        self._tuning = tuning
        self._other_ids: dict[str, str] = {}

    def add(self, record: Record) -> None:
        """Keep a new response."""
        self.records[record.id] = record
        if record.other_id:
            self._other_ids[record.other_id] = record.id

    def find(self, response_id: str) -> Record | None:
        """Return a response that can be retrieved already, and still, by either of its ids."""
        record = self.records.get(self._other_ids.get(response_id, response_id))
        now = self.now()
        return record if record and record.visible_at <= now and record.is_kept(now) else None

    def clear(self) -> None:
        """Forget every response."""
        self.records.clear()
        self._other_ids.clear()

    def schedule(
        self, script: Script, response_id: str, answer: Answer, window: str
    ) -> tuple[float, float]:
        """Return how long a response is queued and how long it then runs, in seconds.

        The usual latency varies by a quarter with the id, grows by half with a long answer, and
        grows with the completion window.
        """
        jitter = int(hashlib.sha256(response_id.encode()).hexdigest()[:4], 16) / 0xFFFF
        size = min(answer.output_tokens, 2000) / 4000
        wait = 1 + _WINDOW_HOURS.get(window, 0) * self._tuning.window_factor
        usual = self._tuning.latency_seconds * (0.75 + jitter / 2) * (1 + size) * wait
        queued = usual * 0.2 if script.queued_seconds is None else script.queued_seconds
        run = usual * 0.8 if script.run_seconds is None else script.run_seconds
        return queued, math.inf if script.outcome == "stuck" else run
