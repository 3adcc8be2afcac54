"""Approvals: what a job asks a person to decide."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from backburner.models.base import Reply


class ApprovalState(StrEnum):
    """State of an approval. All but `open` are final."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Approval(Reply):
    """Something that a person is, or was, asked to approve.

    Attributes:
        job_id: Whose approval it is: the job that was asked about, or a descendant of it.
        shown: What is to be approved; a list leaves it out, as it does `digest` and `edits`.
        digest: Of what is shown; a decision names it.
        edits_schema: JSON Schema of edits; None allows any, if it is editable.
        default: `approve` or `reject` counts at the deadline; None fails the job.
        edits: What was wanted instead; None when nothing was changed.
        is_default: Whether nobody answered, and the default counted.
        edited: Whether there are edits; only in lists.
        job_type: Only in lists.
    """

    job_id: UUID
    key: str
    title: str = ""
    state: ApprovalState
    editable: bool = False
    default: str | None = None
    deadline: datetime | None = None
    requested_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    comment: str | None = None
    is_default: bool = False
    shown: Any = None
    digest: str = ""
    edits_schema: dict[str, Any] | None = None
    edits: Any = None
    edited: bool = False
    job_type: str = ""
