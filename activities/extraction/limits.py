"""What one extraction may use."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class ExtractionLimits:
    """Bound one extraction; the kernel enforces memory and processor time, the readers the rest."""

    memory_bytes: int = 1 << 30
    cpu_seconds: int = 30
    wall: timedelta = timedelta(seconds=60)
    pages: int = 5_000
    characters: int = 20_000_000
