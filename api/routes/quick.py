"""The road for short questions that somebody is waiting for."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.accepting import ANSWERS, Reception
from api.bodies import QuickRequest
from api.gateway import GatewayIn
from api.preferences import WaitIn
from api.views import JobView

router = APIRouter(prefix="/api/quick", tags=["jobs"])

USUAL_WAIT_SECONDS = 30
"""For clients that do not say how long they wait: shorter than most proxies hold a reply."""


@router.post(
    "/{type}", summary="Run a job and wait for it", response_model=JobView, responses=ANSWERS
)
async def run_quickly(
    type: Annotated[str, Path(examples=["summarize_text"])],
    wanted: QuickRequest,
    gateway: GatewayIn,
    reception: Annotated[Reception, Depends()],
    wait: WaitIn,
) -> Response:
    """Run a job before all others that wait, and answer with what it ended with.

    It is a job like any other, only in front: one that does not end within 30 seconds, or those of
    `Prefer: wait=N`, is answered with 202 and goes on. Look at it with its id. If the reply is
    lost, send it again with the same `Idempotency-Key`: without one it would be another job.
    """
    usual = min(USUAL_WAIT_SECONDS, gateway.settings.max_wait_seconds)
    return await reception.take(wanted.as_job(type), wait, usual=usual)
