"""Sending the result of a job, from its row or from the object store."""

from fastapi import Response
from fastapi.responses import JSONResponse, StreamingResponse

from api.gateway import Gateway
from api.streams import opened
from storage import jobs
from storage.jobs import JobRow


async def result_reply(gateway: Gateway, row: JobRow) -> Response:
    """Return the reply that carries the result of a job that succeeded."""
    if row.result_key is None:
        return JSONResponse(await jobs.get_result(gateway.db, row.tenant, row.id))
    pieces = await opened(gateway.objects.stream(row.tenant, row.result_key))
    return StreamingResponse(pieces, media_type="application/json")
