"""Errors of schedules."""

from jobs.errors.door import RequestRefused
from jobs.errors.failures import JobFailure


class ScheduleNotFound(RequestRefused):
    """No schedule of that id belongs to the tenant."""

    code = "schedule_not_found"
    title = "Schedule not found"
    advice = "Check the id and the tenant of your token."
    http_status = 404


class ScheduleExists(RequestRefused):
    """The tenant has a schedule of that id already."""

    code = "schedule_exists"
    title = "Schedule exists"
    advice = "Change it with PATCH, or choose another id."
    http_status = 409


class ScheduleConflict(RequestRefused):
    """Somebody else changed the schedule at the same time."""

    code = "schedule_conflict"
    title = "Schedule changed meanwhile"
    advice = "Look at the schedule as it is now, then repeat the request."
    http_status = 409


class ScheduleBroken(JobFailure):
    """A schedule's job cannot be started: its type is gone, or its payload no longer fits it."""

    code = "schedule_broken"
    title = "Schedule broken"
    advice = "Correct the schedule's job with PATCH /api/schedules/{id}."
