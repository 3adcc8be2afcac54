"""What a job will probably take, before anybody submits it."""

import math
from dataclasses import replace
from decimal import Decimal

from fastapi import APIRouter

from api.bodies import JobRequest
from api.gateway import GatewayIn, TenantIn
from api.problems import documented
from api.submission import vetted
from api.views import EstimateView, PriceRange, Unknown
from jobs.forecasts import Forecast, of_history
from jobs.pipeline.picture import of_job
from storage import job_lists

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.post(
    "/estimate",
    summary="Estimate a job",
    responses=documented(400, 401, 404, 413, 415, 422, 503),
)
async def estimate_job(wanted: JobRequest, gateway: GatewayIn, tenant: TenantIn) -> EstimateView:
    """Return price range and duration of a job. Takes and checks what a submission does.

    The figures come from your jobs of the same types that finished lately, whatever their options.
    """
    job_type, _ = await vetted(gateway, tenant, wanted)
    histories = await job_lists.histories(gateway.db, tenant, list(gateway.job_types))
    if job_type.forecast is not None:
        found = job_type.forecast(wanted.payload, gateway.job_types, histories)
    else:
        found = of_history(wanted.type, job_type.expected, histories.get(wanted.type))
        found = replace(found, picture=of_job(wanted.type))
    return _view(wanted.type, found)


def _view(name: str, found: Forecast) -> EstimateView:
    prices = found.prices
    return EstimateView(
        type=name,
        typical_seconds=math.ceil(found.typical_seconds),
        late_seconds=math.ceil(found.late_seconds),
        usd=PriceRange(
            low=_text(prices.low), typical=_text(prices.typical), high=_text(prices.high)
        ),
        jobs=found.jobs,
        unknown=[Unknown(pointer=f"/payload{at}", detail=why) for at, why in found.unknown],
        mermaid=found.picture,
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"
