"""What one extraction may use."""

import math
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

QUICK_CPU_SECONDS = 6
"""What a small document may take: far more than an honest one, and a bomb is ended in 10 s."""

CPU_SECONDS_PER_MEBIBYTE = 2


@dataclass(frozen=True)
class ExtractionLimits:
    """Bound one extraction; the kernel enforces memory and processor time, the readers the rest."""

    memory_bytes: int = 1 << 30
    cpu_seconds: int = 30
    wall: timedelta = timedelta(seconds=60)
    pages: int = 5_000
    characters: int = 20_000_000

    def cpu_seconds_for(self, path: Path) -> int:
        """Return what this document may take: little ones that take long are hostile."""
        try:
            mebibytes = path.stat().st_size >> 20
        except FileNotFoundError:  # the child will say so
            return self.cpu_seconds
        return min(self.cpu_seconds, QUICK_CPU_SECONDS + CPU_SECONDS_PER_MEBIBYTE * mebibytes)


@contextmanager
def processor_seconds(seconds: int) -> Iterator[None]:
    """Let the kernel end this process when the block takes longer: nobody can stop a C library.

    The block counts as soon as it began, and only its own seconds; a limit that is there already
    and ends sooner stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    allowed = math.ceil(time.process_time()) + seconds
    sooner = [each for each in (soft, hard, allowed) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_CPU, (min(sooner), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
