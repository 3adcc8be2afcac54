"""A share of the machine's CPU for a process, with a control group of Linux."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

UNIFIED, OF_CPU = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu")
"""Where the groups of version 2 are, and those of version 1."""

PERIOD_MICROSECONDS = 20_000
"""Short, so that a process which has used up its share is not away for long."""


@contextmanager
def limited(process: psutil.Process, cores: float) -> Iterator[None]:
    """Give a process and its children so many cores at the most, for as long as the block lasts.

    Raises:
        OSError: There are no such groups here, or we are not root.
    """
    quota = round(cores * PERIOD_MICROSECONDS)
    if (UNIFIED / "cgroup.controllers").exists():
        parent, limits = UNIFIED, {"cpu.max": f"{quota} {PERIOD_MICROSECONDS}"}
    else:
        parent = OF_CPU
        limits = {"cpu.cfs_period_us": str(PERIOD_MICROSECONDS), "cpu.cfs_quota_us": str(quota)}
    group = parent / f"backburner-{process.pid}"
    group.mkdir()
    try:
        for name, value in limits.items():
            (group / name).write_text(value)
        for each in (process, *process.children(recursive=True)):
            (group / "cgroup.procs").write_text(str(each.pid))
        yield
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(pid)
        group.rmdir()
