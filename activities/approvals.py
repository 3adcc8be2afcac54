"""Implements `ApprovalDeeds`: what is written about approvals."""

from dataclasses import dataclass

from temporalio import activity

from jobs.approvals import (
    ApprovalReminder,
    ApprovalRequest,
    ApprovalSettlement,
    ApprovalStanding,
    Settlement,
)
from jobs.edits import check_schema
from jobs.errors import ApprovalMalformed
from jobs.ports import ApprovalDeeds
from storage import approvals
from storage.database import Database


@dataclass(frozen=True)
class Approvals(ApprovalDeeds):
    """The deeds that write approvals."""

    db: Database

    @activity.defn(name="record_approval")
    async def record_approval(self, request: ApprovalRequest) -> ApprovalStanding:
        """Write an approval down as open; one that stands already is returned as it stands."""
        if request.edits_schema is not None and (flaw := check_schema(request.edits_schema)):
            raise ApprovalMalformed(f"approval {request.key!r}: edits_schema: {flaw}")
        return await approvals.request(self.db, request)

    @activity.defn(name="record_reminder")
    async def record_reminder(self, reminder: ApprovalReminder) -> None:
        """Tell that an approval is still open, unless it is not."""
        await approvals.remind(self.db, reminder)

    @activity.defn(name="record_decision")
    async def record_decision(self, wanted: ApprovalSettlement) -> Settlement:
        """Compare-and-set how an approval ended and return how it did."""
        return await approvals.settle(self.db, wanted)
