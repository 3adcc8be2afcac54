"""What replies about approvals look like."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from jobs.approvals import ApprovalState
from jobs.values import JobId
from storage.approval_lists import Listed
from storage.approvals import Approval


class ApprovalLinks(BaseModel):
    """Where to read all of it, and where to send a decision."""

    self: str
    job: str
    approve: str
    reject: str


class ApprovalHead(BaseModel):
    """What every reply says of an approval."""

    job_id: JobId = Field(description="Whose approval it is: the job, or a descendant of it.")
    key: str = Field(examples=["outline"])
    title: str = Field(examples=["The outline of the report"])
    state: ApprovalState
    editable: bool
    default: Literal["approve", "reject"] | None = Field(
        description="What counts at the deadline; null fails the job."
    )
    deadline: datetime
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str | None = Field(description="Whom the gateway knew the caller as.")
    comment: str | None
    is_default: bool = Field(description="Whether nobody answered, and the default counted.")
    links: ApprovalLinks


class ApprovalSummary(ApprovalHead):
    """An approval in a list."""

    job_type: str
    edited: bool


class ApprovalView(ApprovalHead):
    """Something that a person is, or was, asked to approve."""

    shown: Any = Field(description="What is to be approved.")
    digest: str = Field(description="Of what is shown; a decision has to name it.")
    edits_schema: dict[str, Any] | None = Field(description="JSON Schema of `edits`; null: any.")
    edits: Any = Field(description="What was wanted instead; null when nothing was changed.")


class ApprovalPage(BaseModel):
    """Approvals, open ones first, each half newest first."""

    approvals: list[ApprovalSummary]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


def approval_view(prefix: str, approval: Approval) -> ApprovalView:
    """Present an approval with all that is known about it."""
    settlement = approval.settlement
    return ApprovalView(
        **_plain(vars(approval), ApprovalView),
        **settlement.model_dump(exclude={"answer_id"}),
        links=_links(prefix, approval.job_id, approval.key),
    )


def approval_summary(prefix: str, listed: Listed) -> ApprovalSummary:
    """Present an approval in a list."""
    return ApprovalSummary(
        **_plain(vars(listed), ApprovalSummary), links=_links(prefix, listed.job_id, listed.key)
    )


def _plain(row: Mapping[str, Any], view: type[BaseModel]) -> dict[str, Any]:
    """Return the fields that a row and its view share by name."""
    return {name: value for name, value in row.items() if name in view.model_fields}


def _links(prefix: str, job_id: JobId, key: str) -> ApprovalLinks:
    job = f"{prefix}/api/jobs/{job_id}"
    return ApprovalLinks(
        self=f"{job}/approvals/{quote(key, safe='')}",
        job=job,
        approve=f"{job}/signals/approve",
        reject=f"{job}/signals/reject",
    )
