"""What clients may send about schedules."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.bodies import Body, JobRequest
from jobs.schedules.model import Overlap, Policies, Time, When

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
ScheduleId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Note = Annotated[str, Field(min_length=1, max_length=1000)]

MOST_PREVIEWED = 100

_REPORT: dict[str, Any] = {
    "job": {"type": "generate_report", "payload": {"topic": "Support tickets of yesterday"}},
    "when": {"cron": "0 9 * * *", "time_zone": "Europe/Berlin"},
    "overlap": "skip",
    "catch_up_seconds": 3600,
}


class ScheduleTerms(Body, Policies):
    """What a schedule runs, when, and what happens when things do not go as planned."""

    job: JobRequest = Field(description="Submitted at each run; the body of POST /api/jobs.")
    when: When
    remaining_runs: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Runs left; null for no limit."
    )


class ScheduleRequest(ScheduleTerms):
    """A schedule to make."""

    id: ScheduleId | None = Field(
        default=None, description="Your name for it; made up when missing.", examples=["daily"]
    )
    paused: bool = Field(default=False, description="Made, but not running yet.")
    note: Note | None = None

    model_config = {"json_schema_extra": {"examples": [{"id": "daily-report", **_REPORT}]}}


class PreviewRequest(Body):
    """Times to try out."""

    when: When
    count: int = Field(default=10, ge=1, le=MOST_PREVIEWED)
    after: Time | None = Field(default=None, description="Now, when missing.")


class NoteBody(Body):
    """Why a schedule is paused or resumed."""

    note: Note | None = Field(default=None, examples=["the supplier is being replaced"])


class TriggerBody(Body):
    """How a run by hand is started."""

    overlap: Overlap | None = Field(
        default=None, description="The schedule's own policy, when missing."
    )


class BackfillBody(Body):
    """A span of the past whose runs are made up for."""

    start_at: Time = Field(description="Included.", examples=["2026-11-20T00:00:00Z"])
    end_at: Time | None = Field(default=None, description="Included; now, when missing.")
    overlap: Overlap = Field(
        default=Overlap.BUFFER_ALL, description="By default one run after the other."
    )
