"""What clients may send about callbacks."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from api.bodies import Body
from api.paging import Moment
from jobs.callbacks import EventType
from storage.endpoints import Change, Wish
from storage.secrets import OVERLAP

LONGEST_OVERLAP = timedelta(days=7)
MOST_EVENTS = len(EventType)

_URL: dict[str, Any] = {
    "description": "Where the POSTs go: https outside development.",
    "examples": ["https://example.com/hooks/backburner"],
}
_EVENTS: dict[str, Any] = {
    "max_length": MOST_EVENTS,
    "description": "What it wants to hear of; an empty list means everything.",
    "examples": [["job.succeeded", "job.failed"]],
}
_CHILDREN = "Whether it also hears of jobs that other jobs started."


class EndpointBody(Body):
    """A new endpoint."""

    url: str = Field(**_URL)
    description: str = Field(default="", max_length=200)
    events: list[EventType] = Field(default=[], **_EVENTS)
    include_children: bool = Field(default=False, description=_CHILDREN)
    enabled: bool = True

    @property
    def wish(self) -> Wish:
        """What storage calls it."""
        events = tuple(dict.fromkeys(self.events))
        return Wish(self.url, self.description, events, self.include_children, self.enabled)


class EndpointChange(Body):
    """What to change of an endpoint; what is left out stays."""

    url: str = Field(default="", **_URL)
    description: str = Field(default="", max_length=200)
    events: list[EventType] = Field(default=[], **_EVENTS)
    include_children: bool = Field(default=False, description=_CHILDREN)
    enabled: bool = Field(
        default=True, description="True also forgets the failures of an endpoint."
    )

    @property
    def change(self) -> Change:
        """What storage calls it."""
        given = self.model_dump(exclude_unset=True)
        events = given.get("events")
        return Change(
            url=given.get("url"),
            description=given.get("description"),
            events=None if events is None else tuple(dict.fromkeys(events)),
            hears_children=given.get("include_children"),
            enabled=given.get("enabled"),
        )


class Rotation(Body):
    """How to replace a signing secret."""

    expire_previous_after_seconds: int = Field(
        default=int(OVERLAP.total_seconds()),
        ge=0,
        le=int(LONGEST_OVERLAP.total_seconds()),
        description="How long the old secret goes on to sign beside the new one.",
    )
    force: bool = Field(
        default=False, description="End what is left of an earlier overlap instead of refusing."
    )

    @property
    def overlap(self) -> timedelta:
        """How long both secrets sign."""
        return timedelta(seconds=self.expire_previous_after_seconds)


class Recovery(Body):
    """Which time to recover."""

    since: Moment = Field(examples=["2026-11-21T00:00:00Z"])
    until: Moment | Literal["now"] = Field(default="now", examples=["2026-11-22T00:00:00Z"])
