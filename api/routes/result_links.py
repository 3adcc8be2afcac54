"""Results behind signed links, which callbacks carry when a result is too large for them."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.gateway import GatewayIn
from api.problems import documented
from api.results import result_reply
from jobs.errors import ResultLinkRefused
from jobs.result_links import PATH, from_token
from jobs.status import JobStatus
from storage import jobs

router = APIRouter(prefix=PATH, tags=["callbacks"])


@router.get(
    "/{token}",
    summary="Read a result by a signed link",
    response_model=None,
    responses={
        200: {
            "description": "The output, by the schema of the job type.",
            "content": {"application/json": {"example": {"summary": "The pilot met its goals."}}},
        },
        **documented(403, 404, 503),
    },
)
async def get_linked_result(token: str, gateway: GatewayIn) -> Response:
    """Return the output of a job; the link stands in for a token, for as long as it says."""
    link = from_token(token, gateway.secret_keys, datetime.now(UTC))
    row = await jobs.get(gateway.db, link.tenant, link.job_id)
    if row.status is not JobStatus.SUCCEEDED:
        raise ResultLinkRefused("the job has no result")
    reply = await result_reply(gateway, row)
    reply.headers["Cache-Control"] = "private, no-store"
    return reply
