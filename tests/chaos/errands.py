"""What the clients of a storm ask for: drawn from a seed, with trouble at the provider in much."""

import json
import random
from dataclasses import dataclass
from typing import Any

from backburner.pipelines import approval, chain, chord, job, pipeline, ref

TEXT = "The pilot ran for six weeks and cut costs by 14 percent. "
LARGE = 300_000
"""Characters of a large answer: it travels by reference everywhere, and fills a small disk."""

TROUBLES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"fault": "drop_after"},
    {"fault": "drop_before"},
    {"fault": "server_error"},
    {"fault": "rate_limited", "retry_after_seconds": 0.5},
    {"fault": "slow_reply", "reply_delay_seconds": 2},
    {"outcome": "failed", "error_code": "server_error"},
    {"webhook": "late", "webhook_delay_seconds": 3},
    {"webhook": "duplicate"},
    {"webhook": "early"},
    {"lag_seconds": 1},
)
"""What the provider does to a response; nothing happens to the most of them."""

Seconds = tuple[float, float]
USUAL, LONG = (0.1, 4.0), (20.0, 20.0)
"""Bounds of the seconds that responses take."""


@dataclass(frozen=True)
class Errand:
    """A job to submit, and when to cancel it, if ever."""

    body: dict[str, Any]
    cancel_after: float | None


def draw(dice: random.Random) -> Errand:
    """Draw an errand."""
    cancel_after = dice.uniform(0, 4) if dice.random() < 0.25 else None
    # Such a response goes on for long unless it is canceled. Not for ever: if the reply to its
    # create is lost, only the notice of its end can bring its id.
    long = cancel_after is not None and dice.random() < 0.5
    kind = dice.choice((_summary, _summary, _combination, _large, _reviewed, _joined))
    return Errand(kind(dice, LONG if long else USUAL), cancel_after)


def _summary(dice: random.Random, runs: Seconds) -> dict[str, Any]:
    return {"type": "summarize_text", "payload": {"text": _text(dice, runs)}}


def _combination(dice: random.Random, runs: Seconds) -> dict[str, Any]:
    return {"type": "combine_summaries", "payload": {"summaries": [_text(dice, runs), TEXT]}}


def _large(dice: random.Random, runs: Seconds) -> dict[str, Any]:
    text = _text(dice, runs, output_text=f"{dice.random()} ".ljust(LARGE, "."))
    return {"type": "summarize_text", "payload": {"text": text}}


def _reviewed(dice: random.Random, runs: Seconds) -> dict[str, Any]:
    """Ask a person between two jobs."""
    tree = chain(
        job("summarize_text", {"text": _text(dice, runs)}, id="summary"),
        approval("Publish?", ref("summary.summary"), id="review"),
        job("generate_title", {"content": ref("summary.summary")}),
    )
    return {"type": "pipeline", "payload": pipeline(tree)}


def _joined(dice: random.Random, runs: Seconds) -> dict[str, Any]:
    """Run jobs side by side, then one that needs them all."""
    parts = [job("summarize_text", {"text": _text(dice, runs)}) for _ in range(3)]
    last = job("combine_summaries", {"summaries": ref("group[].summary")})
    return {"type": "pipeline", "payload": pipeline(chord(*parts, then=last))}


def _text(dice: random.Random, runs: Seconds, **more: Any) -> str:
    script = dice.choice(TROUBLES) | {"queued_seconds": 0, "run_seconds": dice.uniform(*runs)}
    return f"{TEXT * dice.randint(1, 40)}[[emulator: {json.dumps(script | more)}]]"
