"""Approvals: `client.approvals`."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from backburner._async.transport import AsyncTransport
from backburner._requests import path, without_none
from backburner.models.approvals import Approval, ApprovalState


class AsyncApprovals:
    """Reads approvals and decides about them. Found as `client.approvals`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        state: ApprovalState | None = None,
        job_id: UUID | str | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[Approval]:
        """Yield approvals without what they show: open ones first, each half newest first.

        Args:
            state: Only those of this state.
            job_id: Only those of this job; of a root, those of its descendants too.
            page_size: How many are fetched at once.
        """
        params = without_none(state=state, job=job_id, limit=page_size)
        return self._transport.pages(Approval, path("approvals"), "approvals", params)

    async def get(self, job_id: UUID | str, key: str) -> Approval:
        """Return an approval with what it shows, and with what was decided.

        Raises:
            ApiError: With code `approval_not_found` when the job never asked for it.
        """
        return await self._transport.fetch(Approval, "GET", path("jobs", job_id, "approvals", key))

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
        return await self._transport.fetch(
            Approval,
            "POST",
            path("jobs", approval.job_id, "signals", signal),
            json=body | without_none(comment=comment),
        )
