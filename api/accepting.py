"""Taking a job in and answering for it, on whatever road it comes."""

from dataclasses import dataclass
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from api import submission, waiting
from api.bodies import JobRequest
from api.gateway import FollowerIn, GatewayIn, TenantIn
from api.preferences import IdempotencyKeyIn
from api.presenter import PresenterIn
from api.problems import documented
from api.views import JobAccepted, JobView

APPLIED = {
    "Preference-Applied": {"schema": {"type": "string"}, "description": "The `wait` granted."}
}
RETRY = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds; while it goes on."}
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": JobView, "description": "The job has ended.", "headers": APPLIED},
    202: {
        "model": JobAccepted,
        "description": "The job is recorded and will run.",
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "The job."},
            "Idempotent-Replayed": {
                "schema": {"type": "string"},
                "description": "`true` when the Idempotency-Key was used before.",
            },
            **RETRY,
            **APPLIED,
        },
    },
    **documented(400, 401, 404, 413, 415, 422, 503),
}
"""What a submission may be answered with."""


@dataclass(frozen=True)
class Reception:
    """Takes jobs of one tenant in."""

    gateway: GatewayIn
    tenant: TenantIn
    follower: FollowerIn
    presenter: PresenterIn
    key: IdempotencyKeyIn

    async def take(self, wanted: JobRequest, preferred: int | None, *, usual: int = 0) -> Response:
        """Record a job, start it, and answer as soon as it has ended or the wait is over.

        Args:
            wanted: The job.
            preferred: Seconds that the client would wait, as far as they are granted.
            usual: Seconds to wait for a client that said nothing; 0 answers at once.

        Raises:
            JobError: As `submission.submit` does.
        """
        row, is_new = await submission.submit(self.gateway, self.tenant, wanted, self.key)
        headers = {"Location": self.presenter.path_of(row.id)}
        if not is_new:
            headers["Idempotent-Replayed"] = "true"
        if preferred:
            headers["Preference-Applied"] = f"wait={preferred}"
        if wait := usual if preferred is None else preferred:
            row = await waiting.until_ended(self.gateway.db, self.follower, row, wait)
        if row.status.is_terminal:
            return _json(await self.presenter.job(row), 200, headers)
        headers |= await self.presenter.retry_headers(row)
        return _json(await self.presenter.accepted(row), 202, headers)


def _json(view: BaseModel, status: int, headers: dict[str, str]) -> Response:
    return Response(view.model_dump_json(), status, headers, media_type="application/json")
