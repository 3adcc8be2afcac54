"""What the emulator is told when it starts."""

from pydantic import BaseModel, ConfigDict, Field


class EmulatorSettings(BaseModel):
    """Configure one emulator process.

    `latency_seconds` is the usual time from acceptance to a finished response; scripts override it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8070, ge=0, le=65535)
    latency_seconds: float = Field(default=2.0, ge=0, le=86_400)
