"""Choices about how responses are made, for one step or for a whole job.

Clients' choices are checked strictly at the door. What is kept of them, in rows, tickets and
schedules, may have been written by a newer version: there, an option nobody here knows is left out.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from jobs.values import Strict

DEFAULT_MAX_TRIES = 5
"""Submits per step before it fails; the seed architecture asks for a cap of three to five."""

Window = Literal["soonest", "2h", "8h"]
OnIncomplete = Literal["fail", "accept", "extend"]
OnUncertain = Literal["resubmit", "park"]


class ResponseOptions(Strict):
    """Choices for one response. None everywhere means: no choice was made.

    Attributes:
        model: None takes the worker's default model.
        max_output_tokens: Ceiling, reasoning included; None leaves it to the provider.
        reasoning_effort: How hard the model thinks, in the provider's words.
        service_tier: The provider's lane; the price follows the tier that was really used.
        completion_window: `2h` and `8h` are cheaper and slower lanes.
        store: False asks the provider to keep the response only for minutes; an outage of ours
            that lasts longer loses it.
        delete_after_collect: Delete every response of the step at the provider once it is booked,
            whether its answer was used or not.
        on_incomplete: What to do with an answer cut off by the token limit: fail, accept what is
            there, or ask again with twice the limit.
    """

    model: str | None = Field(default=None, min_length=1, max_length=200)
    max_output_tokens: int | None = Field(default=None, ge=16, le=1_000_000)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    completion_window: Window | None = None
    store: bool | None = None
    delete_after_collect: bool | None = None
    on_incomplete: OnIncomplete | None = None

    @classmethod
    def known(cls, written: Any) -> Any:
        """Return what was written down without the options that only another version knows."""
        if not isinstance(written, dict):
            return written
        return {name: value for name, value in written.items() if name in cls.model_fields}

    def over(self, weaker: "ResponseOptions") -> "ResponseOptions":
        """Return these choices, with the weaker ones where none was made."""
        chosen = {name: getattr(self, name) for name in ResponseOptions.model_fields}
        mine = {name: value for name, value in chosen.items() if value is not None}
        return ResponseOptions(**{**weaker.model_dump(), **mine})


class JobOptions(ResponseOptions):
    """Choices a client may make for one job; those about responses hold for all of its steps.

    Attributes:
        max_tries: Submits allowed per step, the first included.
        deadline_seconds: Seconds from the start after which the job fails; None takes the job
            type's own deadline.
        on_uncertain: What to do when a submit's reply was lost: submit again, or wait for an
            operator's signal.
        queued_ceiling_seconds: How long a response may stay queued before it is canceled and
            submitted again; None takes the default of its completion window.
        running_ceiling_seconds: The same for how long it may take in all.
        priority: 1 goes before everything else that waits, 5 after it; the jobs that a job runs
            inherit it. Within one priority tenants take turns.
    """

    max_tries: int = Field(default=DEFAULT_MAX_TRIES, ge=1, le=10)
    deadline_seconds: int | None = Field(default=None, ge=1, le=30 * 24 * 3600)
    on_uncertain: OnUncertain = "resubmit"
    queued_ceiling_seconds: int | None = Field(default=None, ge=1)
    running_ceiling_seconds: int | None = Field(default=None, ge=1)
    priority: int = Field(default=3, ge=1, le=5)

    def for_child(self, chosen: ResponseOptions) -> "JobOptions":
        """Return the options of a job that a job with these options runs.

        Complete options are taken as they are; of other choices, these here are stronger. A child
        has the deadline of its type, as far as its parent's own allows.
        """
        if isinstance(chosen, JobOptions):
            return chosen
        both = self.over(chosen).model_dump()
        return self.model_copy(update={**both, "deadline_seconds": None})


KeptResponseOptions = Annotated[ResponseOptions, BeforeValidator(ResponseOptions.known)]
KeptJobOptions = Annotated[JobOptions, BeforeValidator(JobOptions.known)]
"""Options inside values that processes of different versions hand to one another."""
