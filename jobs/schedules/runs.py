"""What a run of a schedule asks for and gets."""

from datetime import datetime
from typing import Any

from jobs.model import JobRef, Standing, Ticket
from jobs.schedules.model import StoredSchedule
from jobs.values import Value


class ScheduledRun(Value):
    """One time at which a schedule is due.

    Attributes:
        scheduled_at: The time meant, without jitter; of a run triggered by hand, when it was.
    """

    schedule: StoredSchedule
    scheduled_at: datetime


class Opened(Value):
    """The job of a run.

    Attributes:
        title: The title of its type, for Temporal UI.
        standing: How the record stands; an ended job is not started again.
        ticket: What its workflow starts with; None for a job that has ended.
    """

    job: JobRef
    title: str = ""
    standing: Standing
    ticket: Ticket[Any] | None = None


class RunEnded(Value):
    """What a run leaves behind in Temporal."""

    job: JobRef
    standing: Standing
