"""Base classes of the values that cross borders, and the ids they carry."""

from typing import NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict

JobId = NewType("JobId", UUID)
DocumentId = NewType("DocumentId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
EndpointId = NewType("EndpointId", UUID)
Tenant = NewType("Tenant", str)


class Value(BaseModel):
    """A frozen value inside Backburner.

    Unknown fields are ignored, so that during a rolling deploy an old worker can read what a new
    one wrote.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class Strict(BaseModel):
    """A frozen value from outside: an unknown field is a mistake of the sender and refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
