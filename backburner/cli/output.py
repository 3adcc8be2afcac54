"""Answers of commands on standard output: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.json import JSON
from rich.table import Table
from rich.text import Text

from backburner.models import Job
from backburner.words import moment, money, plain, span
from jobs.status import JobStatus

STYLES = {
    JobStatus.SUCCEEDED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELED: "yellow",
    JobStatus.RUNNING: "cyan",
}
BETWEEN_COLUMNS = "  "
WIDEST_COLUMN = 48
"""Characters of a cell beyond which it is folded; the first column, the id, never is."""


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"


Output = Annotated[
    Format | None,
    typer.Option(
        "--output",
        "-o",
        help="How to print the answer; without this, a table on a terminal and JSON in a pipe.",
        show_default=False,
    ),
]


def wants_json(output: Format | None) -> bool:
    """Tell whether the answer is for a program."""
    return output is Format.JSON if output else not sys.stdout.isatty()


def print_json(answer: Any) -> None:
    """Print any value as JSON, coloured on a terminal."""
    text = json.dumps(to_jsonable_python(answer), ensure_ascii=False, indent=2)
    if sys.stdout.isatty():
        Console().print(JSON(text, ensure_ascii=False), soft_wrap=True)
    else:
        typer.echo(text)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table, one row a line, however narrow the terminal; only long texts are folded."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    table, needed = Table(box=None, pad_edge=False, header_style="bold"), 0
    for number, column in enumerate(columns):
        longest = max([len(column), *(row[number].cell_len for row in cells)])
        width = longest if number == 0 else min(longest, WIDEST_COLUMN)
        table.add_column(column, width=width, no_wrap=number == 0, overflow="fold")
        needed += width + len(BETWEEN_COLUMNS)
    for row in cells:
        table.add_row(*row)
    console = Console(highlight=False)
    # Folded to a terminal's width, or to the 80 columns of a pipe, nothing could be read or found.
    console.width = max(console.width, needed)
    console.print(table)


def print_pairs(pairs: Mapping[str, str | Text]) -> None:
    """Print names and values, leaving out those without a value; URLs stay in one piece."""
    told = {name: _cell(value) for name, value in pairs.items() if value}
    console, width = Console(highlight=False), max(map(len, told), default=0)
    for name, value in told.items():
        if len(value.plain.split()) == 1:
            line = Text.assemble((name.ljust(width), "bold"), BETWEEN_COLUMNS, value)
            console.print(line, soft_wrap=True)
            continue
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True, width=width)
        table.add_column(overflow="fold")
        table.add_row(name, value)
        console.print(table)


def print_job(job: Job, output: Format | None) -> None:
    """Print one job with all that is known about it."""
    if wants_json(output):
        print_json(job)
        return
    print_pairs(_pairs(job))
    if job.result is not None:
        print_json(job.result)


def print_jobs(jobs: Sequence[Job], output: Format | None) -> None:
    """Print many jobs, one a line."""
    if wants_json(output):
        print_json(jobs)
        return
    columns = ("job", "type", "status", "progress", "created", "cost")
    print_rows(
        columns,
        (
            (
                str(job.job_id),
                job.type,
                _status(job),
                _progress(job),
                moment(job.created_at),
                money(job.cost.usd, unpriced_responses=job.cost.unpriced_responses),
            )
            for job in jobs
        ),
    )


def _pairs(job: Job) -> dict[str, str | Text]:
    error = job.error
    left = job.estimated_completion_seconds
    return {
        "job": str(job.job_id),
        "type": job.type,
        "status": _status(job),
        "progress": _progress(job),
        "waiting for": job.waiting_for or "",
        "labels": ", ".join(f"{name}={value}" for name, value in job.labels.items()),
        "time left": _about(left) if left and not job.status.is_terminal else "",
        "error": f"{error.code}: {error.message}" if error else "",
        "advice": error.advice if error else "",
        "cost": money(job.cost.usd, unpriced_responses=job.cost.unpriced_responses),
        "tokens": f"{job.cost.input_tokens} in, {job.cost.output_tokens} out"
        if job.cost.responses
        else "",
        "retries": str(job.retry_count or ""),
        "created": moment(job.created_at),
        "started": moment(job.started_at),
        "completed": moment(job.completed_at),
        "cancel asked": moment(job.cancel_requested_at),
        "Temporal UI": job.links.temporal_ui or "",
    }


def _about(seconds: float) -> str:
    return f"about {span(timedelta(seconds=seconds))}"


def _status(job: Job) -> Text:
    return Text(str(job.status), style=STYLES.get(job.status, ""))


def _progress(job: Job) -> str:
    progress = job.progress
    share = f"{progress.current}/{progress.total}" if progress.total else ""
    return f"{progress.stage} {share}".strip()


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(plain(value))
