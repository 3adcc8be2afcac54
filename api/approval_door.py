"""Decisions about approvals at the door: the first is written, then the workflow hears of it."""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.service import RPCError

from api.gateway import Gateway
from jobs.approvals import (
    LARGEST_BYTES,
    ApprovalSettlement,
    ApprovalState,
    Approve,
    Reject,
    Settlement,
    json_bytes,
)
from jobs.edits import misfits
from jobs.errors import (
    ApprovalNotOpen,
    ApprovalStale,
    InvalidPayload,
    JobAlreadyFinished,
    JobError,
    ServiceUnavailable,
)
from jobs.model import JobRef
from jobs.pointers import join
from storage import approvals, executions
from storage.approvals import Approval
from storage.jobs import JobRow

LOG = logging.getLogger(__name__)
EDITS = "/edits"


@dataclass(frozen=True)
class Decided:
    """What stands after somebody decided.

    Attributes:
        is_new: False when the same had been decided before, perhaps by the same request.
    """

    approval: Approval
    is_new: bool


async def decide(gateway: Gateway, job: JobRow, decision: Reject) -> Decided:
    """Write a decision into its approval, if it is the first one, and tell the workflow.

    From then on the decision stands, whatever becomes of this process: maintenance tells a workflow
    that was not told.

    Raises:
        ApprovalNotOpen: The job has no such approval, or it ended otherwise.
        ApprovalStale: It is open, and shows something else.
        InvalidPayload: The edits do not fit.
        JobAlreadyFinished: So it did, with nothing decided like this.
    """
    approval = _meant(await approvals.of_job(gateway.db, job.tenant, job.id), job, decision)
    wanted = _settlement(job, decision)
    is_new = False
    if approval.is_open:
        if wanted.edits is not None:
            _check_edits(approval, wanted.edits)
        approval, is_new = await _written(gateway, job, approval, wanted)
    if not (is_new or _is_same(approval.settlement, wanted)):
        raise _too_late(job, f"the approval {approval.key!r} {_how_it_stands(approval)}")
    if not await _told(gateway, approval) and is_new:
        raise JobAlreadyFinished("the job's workflow has closed")
    return Decided(approval, is_new)


def _settlement(job: JobRow, decision: Reject) -> Settlement:
    approved = isinstance(decision, Approve)
    return Settlement(
        state=ApprovalState.APPROVED if approved else ApprovalState.REJECTED,
        comment=decision.comment,
        edits=decision.edits if isinstance(decision, Approve) else None,
        decided_by=job.tenant,
        answer_id=uuid.uuid4().hex,
    )


async def _written(
    gateway: Gateway, job: JobRow, approval: Approval, wanted: Settlement
) -> tuple[Approval, bool]:
    ref = JobRef(tenant=job.tenant, job_id=job.id, type=job.type)
    ending = ApprovalSettlement(
        job=ref, key=approval.key, digest=approval.digest, settlement=wanted
    )
    if decided := await approvals.decide(gateway.db, ending):
        return decided, True
    return await approvals.get(gateway.db, job.tenant, job.id, approval.key) or approval, False


async def _told(gateway: Gateway, approval: Approval) -> bool:
    """Tell the workflow, unless it knows; False when there is none to tell."""
    if approval.tell_at is None:
        return True
    try:
        return await executions.signal(gateway.temporal, approval.job_id, *approval.signal)
    except (ServiceUnavailable, RPCError) as error:
        LOG.warning("job %s is not told of a decision yet: %s", approval.job_id, error)
        return True


def _is_same(stood: Settlement, wanted: Settlement) -> bool:
    """Tell whether deciding this again changes nothing: a comment is no other decision."""
    return (stood.state, stood.edits, stood.is_default) == (wanted.state, wanted.edits, False)


def _meant(asked: list[Approval], job: JobRow, decision: Reject) -> Approval:
    """Return the approval that a decision is about: the one whose digest it names."""
    meant = [each for each in asked if decision.key in (None, each.key)]
    if exact := [each for each in meant if each.digest == decision.digest]:
        return exact[0]
    if opened := [repr(each.key) for each in meant if each.is_open]:
        raise ApprovalStale(f"the digest is not that of the open approval {', '.join(opened)}")
    if not meant:
        named = f" {decision.key!r}" if decision.key else ""
        raise _too_late(job, f"the job asks for no approval{named}")
    raise _too_late(job, f"the approval {meant[-1].key!r} {_how_it_stands(meant[-1])}")


def _too_late(job: JobRow, why: str) -> JobError:
    if job.status.is_terminal:
        return JobAlreadyFinished(f"the job is {job.status}; {why}")
    return ApprovalNotOpen(why)


def _how_it_stands(approval: Approval) -> str:
    if approval.is_open:
        if approval.deadline <= datetime.now(UTC):
            return f"had to be decided until {_time(approval.deadline)}"
        return "can no longer be decided: the job is ending"
    by = f" by {approval.settlement.decided_by}" if approval.settlement.decided_by else ""
    when = f" at {_time(approval.decided_at)}" if approval.decided_at else ""
    default = " by default" if approval.settlement.is_default else ""
    return f"was {approval.state}{by}{default}{when}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _check_edits(approval: Approval, edits: Any) -> None:
    if not approval.editable:
        mistake = {"pointer": EDITS, "detail": "this approval takes no edits"}
        raise InvalidPayload(f"the approval {approval.key!r} is not editable", errors=[mistake])
    if (size := json_bytes(edits)) > LARGEST_BYTES:
        detail = f"{size:,} bytes of JSON are more than {LARGEST_BYTES:,}"
        raise InvalidPayload("the edits are too large", errors=[_mistake([], detail)])
    if approval.edits_schema is None:
        return
    if found := [_mistake(*each) for each in misfits(approval.edits_schema, edits)]:
        raise InvalidPayload("the edits do not fit the approval's schema", errors=found)


def _mistake(path: list[str | int], detail: str) -> dict[str, Any]:
    at = EDITS
    for part in path:
        at = join(at, part)
    return {"pointer": at, "detail": detail}
