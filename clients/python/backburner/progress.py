"""Live progress of a job: a bar on a terminal, one line per event anywhere else.

Needs `rich`, which the extra `cli` brings.
"""

from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from backburner._async.client import AsyncBackburner
from backburner._text import duration, plain
from backburner.models.jobs import Job, JobEvent, Progress

Show = Callable[[JobEvent], None]
"""Shows one more event."""


async def follow(client: AsyncBackburner, job_id: UUID | str, console: Console) -> Job:
    """Show a job's progress on the console until it has ended, and return how it ended.

    Outlasts restarts of the gateway. Cancelling the call ends the display and leaves the job alone.

    Raises:
        ApiError: There is no such job, or the token may not see it.
        GatewayUnreachable: The gateway stayed silent for too long.
    """
    job = await client.get(job_id)
    with (_bar if console.is_interactive else _lines)(console, job) as show:
        async with aclosing(client.events(job_id)) as events:
            async for event in events:
                show(event)
        return await client.wait(job_id)


@contextmanager
def _bar(console: Console, job: Job) -> Iterator[Show]:
    view = _LiveBar(console, job)
    with view.bar:
        yield view.show


@contextmanager
def _lines(console: Console, job: Job) -> Iterator[Show]:
    """One line per event, for logs and pipes."""

    def print_line(line: str) -> None:
        console.print(Text(plain(line)), soft_wrap=True)

    print_line(f"{job.type} {job.job_id}: {job.status}")
    yield lambda event: print_line(f"{event.at.astimezone():%H:%M:%S}  {_sentence(event)}")


class _LiveBar:
    """One line that is redrawn: spinner, stage, bar, share, time."""

    def __init__(self, console: Console, job: Job) -> None:
        self.bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TaskProgressColumn("{task.completed:.0f}/{task.total:.0f}", show_speed=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False, style="dim"),
            console=console,
            transient=True,
        )
        self._ends_at = job.estimated_completion_at
        self._task = self.bar.add_task(plain(job.type), total=None, note=self._time_left())
        self._draw(job.progress, job.waiting_for, str(job.status))

    def show(self, event: JobEvent) -> None:
        if event.type == "progress":
            waiting_for = event.data.get("waiting_for")
            self._draw(Progress.model_validate(event.data), waiting_for, "running")
        else:
            self.bar.update(self._task, description=_sentence(event), note=self._time_left())

    def _draw(self, progress: Progress, waiting_for: str | None, status: str) -> None:
        self.bar.update(
            self._task,
            description=_stage(progress, waiting_for) or status,
            completed=progress.current,
            total=progress.total or None,
            note=self._time_left(),
        )

    def _time_left(self) -> str:
        if self._ends_at is None or self._ends_at <= (now := datetime.now(UTC)):
            return ""
        return f"about {duration(self._ends_at - now)} left"


def _sentence(event: JobEvent) -> str:
    """Say in a few words what happened."""
    if event.type == "progress":
        progress = Progress.model_validate(event.data)
        share = f"{progress.current}/{progress.total}" if progress.total else ""
        return f"{_stage(progress, event.data.get('waiting_for'))} {share}".strip()
    reasons = (event.data.get(name) for name in ("code", "message", "reason"))
    text = _retry_time(event) if event.type == "retrying" else event.type.replace("_", " ")
    return plain(": ".join([text, *(str(reason) for reason in reasons if reason)]))


def _retry_time(event: JobEvent) -> str:
    """Say when a step is tried again: by the clock, which stays true while the line stands."""
    again_at = event.at + timedelta(seconds=event.data.get("retry_after_seconds") or 0)
    return f"trying step {event.data.get('step')} again at {again_at.astimezone():%H:%M:%S}"


def _stage(progress: Progress, waiting_for: str | None) -> str:
    waiting = f"waiting for {waiting_for}" if waiting_for else ""
    return plain(", ".join(filter(None, (progress.stage, waiting))))
