"""What jobs ask people to approve: `client.approvals`."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic_core import to_jsonable_python

from backburner.models import Approval, ApprovalPage
from backburner.transport import Transport
from jobs.approvals import ApprovalState


class Approvals:
    """Reads approvals and decides about them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        state: ApprovalState | None = None,
        job_id: UUID | str | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[Approval]:
        """Yield approvals without what they show: open ones first, each half newest first.

        Args:
            state: Only those that stand like this.
            job_id: Only those of this job; of a root, those of its descendants too.
            page_size: How many are fetched at once.
        """
        wanted = {
            "state": state and state.value,
            "job": job_id and str(job_id),
            "limit": page_size,
        }
        async for page in self._transport.pages("/api/approvals", wanted):
            for approval in ApprovalPage.model_validate_json(page).approvals:
                yield approval

    async def get(self, job_id: UUID | str, key: str) -> Approval:
        """Return an approval with what it shows, and with what was decided.

        Raises:
            ApiError: With code `approval_not_found` when the job never asked for it.
        """
        path = f"/api/jobs/{quote(str(job_id), safe='')}/approvals/{quote(key, safe='')}"
        reply = await self._transport.request("GET", path)
        return Approval.model_validate_json(reply.content)

    async def approve(
        self, approval: Approval, *, comment: str | None = None, edits: Any = None
    ) -> Approval:
        """Approve what was shown, and return it as it stands then.

        Repeated after a lost reply: the same decision twice is one.

        Args:
            approval: As `get`, or a job's own `approvals`, returned it: what was seen is what is
                decided about.
            comment: Kept with the decision.
            edits: What is wanted instead; a model or JSON that fits `approval.edits_schema`.

        Raises:
            ApiError: With code `approval_not_open` when it ended otherwise before, and with
                `approval_stale` when it shows something else by now.
            ValueError: The approval comes from a list, which does not show it.
        """
        more = {} if edits is None else {"edits": to_jsonable_python(edits)}
        return await self._decide("approve", approval, comment, more)

    async def reject(self, approval: Approval, *, comment: str | None = None) -> Approval:
        """Reject what was shown; takes, returns and raises as `approve` does."""
        return await self._decide("reject", approval, comment, {})

    async def _decide(
        self, signal: str, approval: Approval, comment: str | None, more: dict[str, Any]
    ) -> Approval:
        if not approval.digest:
            raise ValueError("this approval comes from a list: get it to see what it shows")
        body = {"key": approval.key, "digest": approval.digest, **more}
        body |= {"comment": comment} if comment is not None else {}
        path = f"/api/jobs/{approval.job_id}/signals/{signal}"
        reply = await self._transport.request("POST", path, json=body)
        return Approval.model_validate_json(reply.content)
