"""Decisions about approvals at the door: checked against the record before the workflow hears."""

import uuid
from typing import Any

from api.gateway import Gateway
from jobs.approvals import LARGEST_BYTES, Answer, Approve, Reject, json_bytes
from jobs.edits import misfits
from jobs.errors import ApprovalNotOpen, ApprovalStale, InvalidPayload
from jobs.pointers import join
from jobs.values import JobId, Tenant
from storage import approvals
from storage.approvals import Approval

EDITS = "/edits"


async def to_answer(gateway: Gateway, tenant: Tenant, job_id: JobId, decision: Reject) -> Answer:
    """Return what the workflow is to be told.

    Raises:
        ApprovalNotOpen: The job has no such approval open.
        ApprovalStale: It is open, and shows something else.
        InvalidPayload: The edits do not fit.
    """
    asked = await approvals.of_job(gateway.db, tenant, job_id)
    approval = _chosen(asked, decision)
    edits = decision.edits if isinstance(decision, Approve) else None
    if edits is not None:
        _check_edits(approval, edits)
    return Answer(
        key=approval.key,
        digest=approval.digest,
        comment=decision.comment,
        edits=edits,
        decided_by=tenant,
        answer_id=uuid.uuid4().hex,
    )


def _chosen(asked: list[Approval], decision: Reject) -> Approval:
    """Return the open approval that is meant."""
    meant = [each for each in asked if decision.key in (None, each.key)]
    exact = [each for each in meant if each.digest == decision.digest]
    if not (opened := [each for each in exact or meant if each.is_open]):
        raise ApprovalNotOpen(_why_not_open(exact or meant, decision.key))
    if not exact:
        names = ", ".join(repr(each.key) for each in opened)
        raise ApprovalStale(f"the digest is not that of the open approval {names}")
    return opened[0]


def _why_not_open(meant: list[Approval], key: str | None) -> str:
    if not meant:
        return "the job asks for no approval" + (f" {key!r}" if key else " now")
    last = meant[-1]
    by = f" by {last.settlement.decided_by}" if last.settlement.decided_by else ""
    when = f" at {last.decided_at:%Y-%m-%d %H:%M:%S} UTC" if last.decided_at else ""
    default = " by default" if last.settlement.is_default else ""
    return f"the approval {last.key!r} was {last.state}{by}{default}{when}"


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
