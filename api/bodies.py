"""What clients may send as JSON."""

from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.pointers import unstorable
from jobs.errors import InvalidPayload
from jobs.mistakes import MOST_MISTAKES
from jobs.notifications import MOST_CHANNELS, NamedChannel
from jobs.options import JobOptions
from jobs.schedules.model import RESERVED
from jobs.values import Strict


def _unreserved(name: str) -> str:
    if name.startswith(RESERVED):
        raise PydanticCustomError("label", "labels that begin with 'backburner.' are reserved")
    return name


LabelName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"),
    AfterValidator(_unreserved),
]
LabelText = Annotated[str, StringConstraints(max_length=256)]


class Body(Strict):
    """A JSON object from outside, all of which can be stored."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, document: Any) -> Any:
        refuse_unstorable(document)
        return document


def refuse_unstorable(document: Any) -> None:
    """Refuse what Postgres or UTF-8 cannot hold, before it becomes an error of theirs.

    Raises:
        InvalidPayload: With a pointer to each such value, as far as they are told.
    """
    if found := list(islice(unstorable(document), MOST_MISTAKES + 1)):
        raise InvalidPayload("the body holds values that cannot be stored", errors=found)


Payload = Annotated[
    dict[str, Any],
    Field(
        description="Input of the job, by the schema of its type.",
        examples=[{"text": "The pilot ran for six weeks …"}],
    ),
]
Labels = Annotated[
    dict[LabelName, LabelText],
    Field(max_length=20, description="For your own filters.", examples=[{"team": "a"}]),
]
CallbackUrl = Annotated[
    str | None,
    Field(
        description="Gets a signed POST when the job ends or needs an approval.",
        examples=["https://example.com/hooks/job-completed"],
    ),
]
Notify = Annotated[
    tuple[NamedChannel, ...],
    Field(
        max_length=MOST_CHANNELS,
        description="Channels whose people hear of the job, by name or with a rule of its own.",
        examples=[["ops-mail", {"channel": "team-slack", "on": ["failed", "approval_needed"]}]],
    ),
]


class JobRequest(Body):
    """A job to run."""

    type: str = Field(description="One of GET /api/job-types.", examples=["summarize_text"])
    payload: Payload
    options: JobOptions = JobOptions()
    labels: Labels = {}
    callback_url: CallbackUrl = None
    notify: Notify = ()

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "summarize_text",
                    "payload": {
                        "text": "The pilot ran for six weeks in two branches …",
                        "summary_style": "executive",
                    },
                    "labels": {"team": "research"},
                }
            ]
        }
    }


class QuickOptions(JobOptions):
    """Choices for a job somebody waits for, which goes before all others."""

    priority: Literal[1] = 1


class QuickRequest(Body):
    """A job to run at once, of the type that the path names."""

    payload: Payload
    options: QuickOptions = QuickOptions()
    labels: Labels = {}
    callback_url: CallbackUrl = None
    notify: Notify = ()

    model_config = {
        "json_schema_extra": {
            "examples": [{"payload": {"text": "The pilot ran for six weeks in two branches …"}}]
        }
    }

    def as_job(self, type: str) -> JobRequest:
        """Return the same as `POST /api/jobs` takes it; nothing is checked a second time."""
        options = JobOptions.model_construct(**dict(self.options))
        return JobRequest.model_construct(type=type, **{**dict(self), "options": options})


class CancelBody(Body):
    """Why a job is canceled."""

    reason: str | None = Field(default=None, max_length=1000, examples=["no longer needed"])
