"""The promises about money: our ledger of responses against the provider's."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


def broken_promises(jobs: dict[str, Row], rows: list[Row], created: dict[str, Row]) -> list[str]:
    """Return what is wrong with the ledger.

    Args:
        jobs: Our jobs by id.
        rows: Our ledger of responses.
        created: The provider's, by response id.
    """
    return [
        *_no_step_has_two_effective_responses(rows),
        *_every_create_is_accounted_for(rows, created),
        *_every_response_costs_what_the_provider_says(rows, created),
        *_every_token_is_counted_once(jobs, rows),
        *_cancels_reach_the_provider(rows, created),
    ]


def _no_step_has_two_effective_responses(rows: list[Row]) -> Iterator[str]:
    found = Counter((row["job_id"], row["step_key"]) for row in rows if row["state"] == "effective")
    for step, count in found.items():
        if count > 1:
            yield f"{step} has {count} effective responses"


def _every_create_is_accounted_for(rows: list[Row], created: dict[str, Row]) -> Iterator[str]:
    known = {row["response_id"] for row in rows}
    for row in rows:
        if row["state"] == "open":
            yield f"{row['response_id']} is open although all jobs ended"
    for response_id, made in created.items():
        if response_id not in known:
            yield f"{response_id} was created and nobody knows it: {made}"


def _every_response_costs_what_the_provider_says(
    rows: list[Row], created: dict[str, Row]
) -> Iterator[str]:
    for row in rows:
        made = created.get(row["response_id"])
        if made is None or row["state"] == "open":
            continue
        usage, theirs = json.loads(row["usage"] or "{}"), made["usage"] or {}
        for kind in ("input_tokens", "output_tokens"):
            booked, cost = usage.get(kind, 0), theirs.get(kind, 0)
            if booked != cost:
                yield f"{row['response_id']} cost {cost} {kind} and is booked with {booked}"


def _every_token_is_counted_once(jobs: dict[str, Row], rows: list[Row]) -> Iterator[str]:
    """A response counts for its job and for all jobs above it."""
    tokens: Counter[str] = Counter()
    dollars: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        job_id = str(row["job_id"])
        above = map(str, jobs[job_id]["ancestors"]) if job_id in jobs else ()
        for each in (job_id, *above):
            tokens[each] += _output_tokens(row)
            dollars[each] += row["cost_usd"] or 0
    for job_id, job in jobs.items():
        if job["output_tokens"] != tokens[job_id]:
            shown = job["output_tokens"]
            yield f"job {job_id} shows {shown} tokens, its responses {tokens[job_id]}"
        if (job["cost_usd"] or 0) != dollars[job_id]:
            yield f"job {job_id} shows ${job['cost_usd']}, its responses ${dollars[job_id]}"


def _cancels_reach_the_provider(rows: list[Row], created: dict[str, Row]) -> Iterator[str]:
    for response_id, made in created.items():
        if made["terminal_at"] is None:
            yield f"{response_id} still runs at the provider although all jobs ended"
    for row in rows:
        of_row = created.get(row["response_id"], {"cancelled_at": None})
        if row["response_id"] and row["state"] == "canceled" and of_row["cancelled_at"] is None:
            yield f"{row['response_id']} is booked as canceled and the provider never heard of it"


def _output_tokens(row: Row) -> int:
    tokens: int = json.loads(row["usage"] or "{}").get("output_tokens", 0)
    return tokens
