"""Whether the gateway lives, and whether it can work."""

import asyncio
import logging
from datetime import timedelta

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.gateway import GatewayIn
from api.problems import documented
from api.views import Health
from jobs.errors import ServiceUnavailable
from storage import executions

LOG = logging.getLogger(__name__)

router = APIRouter(tags=["health"])

PATIENCE = timedelta(seconds=2)


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Health:
    """Answer, and nothing else."""
    return Health(status="ok")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
async def metrics() -> Response:
    """Return what this gateway has counted, in Prometheus's text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/readyz", summary="Can it work?", responses=documented(503))
async def readyz(gateway: GatewayIn) -> Health:
    """Ask Postgres, Temporal and the object store for a sign of life."""
    probes = {
        "postgres": gateway.db.fetchval("SELECT 1"),
        "temporal": executions.probe(gateway.temporal, PATIENCE),
        "objects": gateway.objects.probe(),
    }
    bounded = [asyncio.wait_for(each, PATIENCE.total_seconds()) for each in probes.values()]
    outcomes = await asyncio.gather(*bounded, return_exceptions=True)
    answers = dict(zip(probes, outcomes, strict=True))
    silent = {name: each for name, each in answers.items() if isinstance(each, BaseException)}
    if not silent:
        return Health(status="ok")
    for name, reason in silent.items():
        LOG.warning("%s is not ready: %r", name, reason)
    # The reasons stay in the log: this route answers everybody.
    raise ServiceUnavailable(
        f"no answer from: {', '.join(silent)}",
        errors=[{"parameter": name, "detail": "does not answer"} for name in silent],
    )
