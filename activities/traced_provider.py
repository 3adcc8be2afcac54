"""The provider, with every request to it traced, counted and logged."""

import logging
import time

from openai.types.responses import Response

from activities.provider import Address, Content, Created, Provider
from activities.verdicts import usage_of
from jobs.errors import JobError
from jobs.requests import ResponseRequest
from jobs.values import JobId
from telemetry import instruments, traces

logger = logging.getLogger(__name__)


class TracedProvider(Provider):
    """Does what its parent does, and says so."""

    async def create(
        self,
        request: ResponseRequest,
        content: Content,
        *,
        model: str,
        address: Address,
        root: JobId | None = None,
    ) -> Created:
        """Submit a background response."""
        began = time.perf_counter()
        about = {"job_id": str(address.job_id), "model": model}
        with traces.calling("chat", model=model) as span:
            span.set_attribute("backburner.job.id", about["job_id"])
            try:
                created = await super().create(
                    request, content, model=model, address=address, root=root
                )
            except JobError as error:
                instruments.SUBMITS.add(1, {"model": model, "outcome": error.code})
                logger.info("submit refused", extra={**about, "code": error.code})
                raise
            response = created.response
            traces.answered(span, model=response.model, response_id=response.id, usage=None)
        instruments.SUBMITS.add(1, {"model": model, "outcome": "accepted"})
        seconds = round(time.perf_counter() - began, 3)
        logger.info("submitted", extra={**about, "response_id": response.id, "seconds": seconds})
        return created

    async def retrieve(self, response_id: str) -> Response:
        """Fetch a response as it stands."""
        with traces.calling("retrieve", response_id=response_id) as span:
            response = await super().retrieve(response_id)
            usage = usage_of(response)
            tokens = {name: getattr(usage, name) for name in SHOWN} if usage else None
            traces.answered(span, model=response.model, response_id=response.id, usage=tokens)
        more = {"response_id": response_id, "status": response.status}
        logger.info("retrieved", extra=more)
        return response

    async def cancel(self, response_id: str) -> Response:
        """Cancel a response and return it as it stands."""
        with traces.calling("cancel", response_id=response_id):
            response = await super().cancel(response_id)
        more = {"response_id": response_id, "status": response.status}
        logger.info("cancel asked for", extra=more)
        return response


SHOWN = ("input_tokens", "output_tokens")
"""What the conventions for generative AI have names for."""
