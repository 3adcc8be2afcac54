"""Whether the gateway lives, and whether it can work."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.problems import documented
from api.readiness import ReadinessIn
from api.views import Health
from jobs.errors import ServiceUnavailable

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Health:
    """Answer, and nothing else."""
    return Health(status="ok")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
async def metrics() -> Response:
    """Return what this gateway has counted, in Prometheus's text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/readyz", summary="Can it work?", responses=documented(503))
async def readyz(readiness: ReadinessIn) -> Health:
    """Ask Postgres, Temporal and the object store for a sign of life, every few seconds."""
    silent = await readiness.silent()
    if not silent:
        return Health(status="ok")
    # The reasons stay in the log: this route answers everybody.
    raise ServiceUnavailable(
        f"no answer from: {', '.join(silent)}",
        errors=[{"parameter": name, "detail": "does not answer"} for name in silent],
    )
