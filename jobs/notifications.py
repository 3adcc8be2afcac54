"""Notifications: which people hear of a job, and of what.

A job names channels. What is behind a channel, administrators configure (`jobs/channels.py`).
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from jobs.callbacks import EventType
from jobs.values import Strict, Value

NOTIFICATION = "notification"
"""How deliveries to people are marked, beside `jobs.callbacks.CALLBACK`."""

TEST_EVENT = "channel.test"
"""Sent when somebody asks for a test."""

MOST_CHANNELS = 10
MOST_RECIPIENTS = 20

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]

EmailAddress = Annotated[
    str,
    StringConstraints(
        # Plain ASCII, and nothing that has a meaning in a header.
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$",
        max_length=254,
    ),
]


class Occasion(StrEnum):
    """What people may hear of."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    APPROVAL_NEEDED = "approval_needed"

    @property
    def event(self) -> EventType:
        """The event of the outbox that stands for it."""
        return EventType(f"job.{self}")


EVERYTHING = tuple(Occasion)


def _without_repeats(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


Occasions = Annotated[
    tuple[Occasion, ...], Field(min_length=1, max_length=20), AfterValidator(_without_repeats)
]
Recipients = Annotated[
    tuple[EmailAddress, ...],
    Field(max_length=MOST_RECIPIENTS),
    AfterValidator(_without_repeats),
]


class ChannelUse(Strict):
    """A channel that a job names, with what its people shall hear of."""

    channel: ChannelName = Field(description="One of GET /api/channels.", examples=["team-slack"])
    on: Occasions | None = Field(
        default=None, description="What to tell of; by default what the channel's rule says."
    )
    to: Recipients = Field(
        default=(),
        description="Who gets the e-mail instead of the channel's own recipients, where it allows"
        " that.",
    )


def _named(value: Any) -> Any:
    return {"channel": value} if isinstance(value, str) else value


NamedChannel = Annotated[
    ChannelUse, BeforeValidator(_named, json_schema_input_type=ChannelName | ChannelUse)
]
"""A channel, by its name alone or with what is to be different."""


class Notice(Value):
    """What is written down with a job: tell this channel of these things.

    The rule is settled when the job is submitted, because whoever records the end of a job may not
    know the channels.
    """

    channel: str
    on: tuple[Occasion, ...]
    to: tuple[str, ...] = ()

    @property
    def stored(self) -> dict[str, Any]:
        """The notice as the outbox reads it."""
        events = [each.event.value for each in self.on]
        return {"channel": self.channel, "events": events, "to": list(self.to)}
