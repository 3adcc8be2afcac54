"""Where everybody hears of a moment: metrics count it, the log tells it, hooks are called.

It is called where a fact has just been recorded, in `storage/`, whoever asked for that: a deed, a
route of the gateway, maintenance. Workflows never call it: they are replayed.
"""

import asyncio
import logging

from jobs.moments import (
    ApprovalRequested,
    DeliveryAttempted,
    JobEnded,
    JobStarted,
    JobSubmitted,
    Moment,
    ResponseEnded,
    ResponseSubmitted,
    SubmitFailed,
)
from telemetry import hooks, instruments

logger = logging.getLogger("backburner.moments")

PATIENCE_SECONDS = 1.0
"""How long a deed waits for hooks that must not miss a moment."""


def observe(moment: Moment) -> None:
    """Count and log a moment, and have the hooks told without waiting for them."""
    _count(moment)
    _log(moment)
    hooks.hand(moment)


async def observe_surely(moment: Moment, *, is_new: bool = True) -> None:
    """Observe a moment, and give the hooks a second to hear of it before the deed goes on.

    A deed that dies in that second is repeated, and tells the hooks once more.

    Args:
        moment: What happened.
        is_new: Whether it was recorded just now. What was recorded before is neither counted nor
            logged again.
    """
    if is_new:
        _count(moment)
        _log(moment)
    if calls := hooks.hand(moment):
        waiting = [asyncio.wrap_future(call) for call in calls]
        await asyncio.wait(waiting, timeout=PATIENCE_SECONDS)


def _count(moment: Moment) -> None:
    match moment:
        case JobSubmitted(job=job):
            instruments.JOBS_SUBMITTED.add(1, {"type": job.type})
        case JobEnded(job=job, status=status, seconds=seconds):
            about = {"type": job.type, "status": status.value}
            instruments.JOBS_ENDED.add(1, about)
            if seconds is not None:
                instruments.JOB_DURATION.record(seconds, about)
        case ResponseEnded():
            _count_response(moment)
        case DeliveryAttempted(status=standing, error=error):
            instruments.DELIVERIES.add(1, {"outcome": error or standing})
        case _:
            pass


def _count_response(end: ResponseEnded) -> None:
    about = {"model": end.model, "state": end.state, "code": end.code or "none"}
    instruments.RESPONSES_SETTLED.add(1, about)
    for kind in ("input_tokens", "output_tokens"):
        tokens = getattr(end.usage, kind, 0)
        instruments.TOKENS.add(tokens, {"model": end.model, "kind": kind.removesuffix("_tokens")})
    if end.usd is not None:
        instruments.COST.add(float(end.usd), {"model": end.model})


def _log(moment: Moment) -> None:
    match moment:
        case JobSubmitted(job=job):
            _say("job submitted", job_id=job.job_id, job_type=job.type, tenant=job.tenant)
        case JobStarted(job=job):
            _say("job started", job_id=job.job_id, job_type=job.type, tenant=job.tenant)
        case JobEnded(job=job, status=status, failure=failure, seconds=seconds):
            about = {"job_id": job.job_id, "job_type": job.type, "tenant": job.tenant}
            code = failure.code if failure else None
            _say(f"job {status}", **about, status=status, code=code, seconds=seconds)
        case ApprovalRequested(job=job):
            _say("approval requested", job_id=job.job_id, job_type=job.type, tenant=job.tenant)
        case ResponseSubmitted() | SubmitFailed():
            pass  # the provider's client tells of each of its requests
        case ResponseEnded():
            about = {"job_id": moment.job_id, "response_id": moment.response_id}
            _say("response booked", **about, model=moment.model, status=moment.state)
        case DeliveryAttempted(status=standing, error=error):
            about = {"job_id": moment.job_id, "delivery_id": moment.delivery_id}
            _say("delivery attempted", **about, status=standing, code=error)


def _say(words: str, **about: object) -> None:
    shown = {
        name: value if isinstance(value, float) else str(value) for name, value in about.items()
    }
    logger.info(
        words, extra={name: shown[name] for name, value in about.items() if value is not None}
    )
