"""Options of a job."""

from typing import Literal

from backburner.models.base import Choices


class JobOptions(Choices):
    """Choices for one job; the gateway checks their ranges. None leaves a choice to the gateway.

    Attributes:
        model: The provider's model for every response of the job.
        max_output_tokens: Ceiling per response, reasoning included.
        reasoning_effort: How hard the model thinks, in the provider's terms.
        service_tier: The provider's lane; the price follows the tier that was really used.
        completion_window: `2h` and `8h` are cheaper and slower lanes.
        store: False asks the provider to keep responses only for minutes; an outage of the
            installation that lasts longer loses them.
        delete_after_collect: Delete every response at the provider once it is settled.
        on_incomplete: What to do with an answer cut off by the token limit: fail, accept what is
            there, or ask again with twice the limit.
        max_tries: Submits allowed per step, the first included; 5 unless chosen.
        deadline_seconds: Seconds from the start after which the job fails.
        on_uncertain: What to do when a submit's reply was lost: submit again, or wait for an
            operator's signal.
        queued_ceiling_seconds: How long a response may stay queued before it is canceled and
            submitted again.
        running_ceiling_seconds: The same for how long it may take in all.
        priority: 1 goes before everything else that waits, 5 after it; 3 unless chosen.
    """

    model: str | None = None
    max_output_tokens: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    completion_window: Literal["soonest", "2h", "8h"] | None = None
    store: bool | None = None
    delete_after_collect: bool | None = None
    on_incomplete: Literal["fail", "accept", "extend"] | None = None
    max_tries: int | None = None
    deadline_seconds: int | None = None
    on_uncertain: Literal["resubmit", "park"] | None = None
    queued_ceiling_seconds: int | None = None
    running_ceiling_seconds: int | None = None
    priority: int | None = None
