"""Approvals: what a job shows to a person, and what the person decides.

An approval is bound to a digest of what was shown and can be decided once. The record arbitrates:
when two decisions meet, or a decision and the deadline, the one written first is the job's.
"""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_core import to_jsonable_python

from jobs.fingerprints import fingerprint
from jobs.model import JobRef
from jobs.values import Strict, Value

LARGEST_BYTES = 256 * 1024
"""What may be shown, and what edits may amount to, as JSON: more is no reading for a person."""

SHORTEST_REMINDER = timedelta(seconds=1)
MOST_REMINDERS = 10
"""Reminders of one approval: whoever ignores ten will ignore the eleventh."""

Default = Literal["approve", "reject"]
Comment = Annotated[str, StringConstraints(max_length=4_000)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class ApprovalState(StrEnum):
    """Where an approval stands. All but `open` are for good."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ApprovalAsk(Value):
    """What a job asks a person to approve.

    Attributes:
        key: Names the approval within its job; each key can be asked for once.
        title: What is to be approved, in a few words.
        shown: What the approver reads: any JSON, or a model that becomes JSON; 256 KiB at most.
        editable: Whether the approver may answer with edits.
        edits_schema: JSON Schema that edits have to fit; None allows any JSON.
        timeout: From now; None waits until the job's own deadline.
        default: What counts when nobody answers in time. None fails the job with
            `approval_timed_out`.
        remind_after: How often an `approval_reminder` event is written, ten times at most.
    """

    key: Key
    title: str = Field(min_length=1, max_length=300)
    shown: Any = None
    editable: bool = False
    edits_schema: dict[str, Any] | None = None
    timeout: timedelta | None = Field(default=None, gt=timedelta(0))
    default: Default | None = None
    remind_after: timedelta | None = Field(default=None, ge=SHORTEST_REMINDER)

    @field_validator("shown")
    @classmethod
    def _as_json(cls, shown: Any) -> Any:
        return to_jsonable_python(shown)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.edits_schema is not None and not self.editable:
            raise ValueError("edits_schema says what edits look like, but editable is false")
        if self.default is not None and self.timeout is None:
            raise ValueError("a default counts after a timeout, but there is none")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of what is shown, key and title included."""
        return fingerprint([self.key, self.title, self.shown])


class Decision(Value):
    """What was decided.

    Attributes:
        edits: What the approver wants instead; None when nothing was changed.
        decided_by: Whom the gateway knew the caller as; None when the deadline decided.
        is_default: Whether nobody answered, and the default counted.
    """

    approved: bool
    comment: str | None = None
    edits: Any = None
    decided_by: str | None = None
    is_default: bool = False


class Answered(Protocol):
    """A decision, as far as it says why."""

    @property
    def comment(self) -> str | None:
        """What was said about it."""

    @property
    def decided_by(self) -> str | None:
        """Who it was."""

    @property
    def is_default(self) -> bool:
        """Whether nobody answered in time."""


def why_rejected(decision: Answered) -> str:
    """Say why something was rejected: the comment, or what there is to say without one."""
    if decision.is_default:
        return "nobody decided in time, which counts as a rejection here"
    return decision.comment or f"{decision.decided_by or 'somebody'} rejected it without a comment"


class Reject(Strict):
    """Reject what an approval showed.

    Attributes:
        key: Which approval; without it, the one of this digest.
        digest: The approval's own, so that what was decided upon is what was seen.
    """

    key: Key | None = None
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["9f2c…"])
    comment: Comment | None = None


class Approve(Reject):
    """Approve what an approval showed, or an edited form of it.

    Attributes:
        edits: What is wanted instead, by the approval's own schema.
    """

    edits: Any = None


class Answer(Value):
    """A decision on its way to the workflow: the signal's argument.

    Attributes:
        decided_by: Added by the gateway; a client cannot set it.
        answer_id: Tells this answer from another with the same words.
    """

    key: str | None = None
    digest: str
    comment: str | None = None
    edits: Any = None
    decided_by: str | None = None
    answer_id: str | None = None


class Settlement(Value):
    """How an approval ended, or is to be recorded as ended."""

    state: ApprovalState
    comment: str | None = None
    edits: Any = None
    decided_by: str | None = None
    is_default: bool = False
    answer_id: str | None = None

    @property
    def decision(self) -> Decision:
        """The decision, for the job's own code."""
        return Decision(
            approved=self.state is ApprovalState.APPROVED,
            comment=self.comment,
            edits=self.edits,
            decided_by=self.decided_by,
            is_default=self.is_default,
        )


class ApprovalRequest(Value):
    """An approval to record as open.

    Attributes:
        deadline: When the default counts, or the job fails.
    """

    job: JobRef
    key: str
    title: str
    shown: Any
    digest: str
    editable: bool
    edits_schema: dict[str, Any] | None
    default: Default | None
    deadline: datetime


class ApprovalStanding(Value):
    """An approval as it stands in the record, which may know it from an earlier run."""

    deadline: datetime
    settlement: Settlement | None = None


class ApprovalReminder(Value):
    """Tell once more that an approval is open; `number` counts from 1."""

    job: JobRef
    key: str
    number: int


class ApprovalSettlement(Value):
    """How an approval is to be recorded as ended."""

    job: JobRef
    key: str
    digest: str
    settlement: Settlement


def json_bytes(value: Any) -> int:
    """Return how many bytes a value takes as JSON.

    Raises:
        ValueError: It is not JSON: not finite, too deep, or not text.
    """
    try:
        return len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
