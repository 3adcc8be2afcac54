"""Base classes of all values that the gateway sends or takes."""

from pydantic import BaseModel, ConfigDict


class Reply(BaseModel):
    """A value from the gateway; unknown fields are ignored, so that a client may be older."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Choices(BaseModel):
    """A value for the gateway; an unknown field is a mistake and refused at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")
