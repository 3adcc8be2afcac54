"""Commands for jobs: `get`, `list`, `watch`, `result`, `cancel`, `job-types`."""

from datetime import timedelta
from typing import Annotated

import typer

from backburner._text import duration, price
from backburner.cli.arguments import JobArgument, Limit, read_pairs
from backburner.cli.connection import call, call_list, exit_as, note
from backburner.cli.output import (
    Columns,
    Format,
    Output,
    pick,
    print_json,
    print_list,
    print_record,
)
from backburner.cli.watch import Timeout, watch
from backburner.models.jobs import Job, JobStatus, JobTypeInfo

commands = typer.Typer()


@commands.command("get")
def _get(context: typer.Context, job_id: JobArgument, output: Output = None) -> None:
    """Print a job as it stands."""
    print_job(call(context, lambda client: client.get(job_id)), output)


@commands.command("list")
def _list(
    context: typer.Context,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs of this status.")] = None,
    type: Annotated[str | None, typer.Option(help="Only jobs of this type.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only jobs with this label (repeatable)."),
    ] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="JOB", help="Only jobs that this job runs.")
    ] = None,
    root: Annotated[
        bool | None,
        typer.Option("--roots/--children", help="Only jobs that no job runs, or that one does."),
    ] = None,
    limit: Limit = 20,
    output: Output = None,
) -> None:
    """Print jobs, newest first."""
    labels = read_pairs(label, "--label")
    found = call_list(
        context,
        lambda client, size: client.jobs(
            status=status, type=type, labels=labels, parent=parent, root=root, page_size=size
        ),
        limit,
    )
    print_list(found, JOBS, output)


@commands.command("watch")
def _watch(
    context: typer.Context, job_id: JobArgument, timeout: Timeout = None, output: Output = None
) -> None:
    """Follow a job to its end and print how it ended. Ctrl-C detaches; the job goes on."""
    job = watch(context, job_id, timeout)
    print_job(job, output)
    exit_as(job)


@commands.command("result")
def _result(context: typer.Context, job_id: JobArgument) -> None:
    """Print a job's output, always as JSON."""
    print_json(call(context, lambda client: client.result(job_id)))


@commands.command("cancel")
def _cancel(
    context: typer.Context,
    job_id: JobArgument,
    reason: Annotated[str | None, typer.Option(help="Kept with the job.")] = None,
    output: Output = None,
) -> None:
    """Cancel a job; one that has ended is left as it is."""
    job = call(context, lambda client: client.cancel(job_id, reason=reason))
    print_job(job, output)
    if not job.status.is_terminal:
        note(f"asked for; see it end: backburner watch {job.job_id}")


@commands.command("job-types")
def _job_types(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this one, with its schemas.")] = None,
    output: Output = None,
) -> None:
    """Print what kinds of jobs the gateway accepts."""
    if name is not None:
        print_json(call(context, lambda client: client.job_type(name)))
        return
    print_list(call(context, lambda client: client.job_types()), JOB_TYPES, output)


def print_job(job: Job, output: Format | None) -> None:
    """Print one job with all that is known about it."""
    if print_record(job, JOB, output) and job.result is not None:
        print_json(job.result)


def _progress(job: Job) -> str:
    progress = job.progress
    share = f"{progress.current}/{progress.total}" if progress.total else ""
    return f"{progress.stage} {share}".strip()


def _cost(job: Job) -> str:
    return price(job.cost.usd, unpriced_responses=job.cost.unpriced_responses)


def _time_left(job: Job) -> str:
    left = job.estimated_completion_seconds
    return (
        f"about {duration(timedelta(seconds=left))}" if left and not job.status.is_terminal else ""
    )


def _tokens(job: Job) -> str:
    cost = job.cost
    return f"{cost.input_tokens} in, {cost.output_tokens} out" if cost.responses else ""


def _usual_time(job_type: JobTypeInfo) -> str:
    seconds = job_type.expected_seconds
    return "" if seconds is None else duration(timedelta(seconds=seconds))


JOB: Columns[Job] = {
    "job": lambda job: job.job_id,
    "type": lambda job: job.type,
    "status": lambda job: job.status,
    "progress": _progress,
    "waiting for": lambda job: job.waiting_for,
    "labels": lambda job: [f"{name}={value}" for name, value in job.labels.items()],
    "time left": _time_left,
    "error": lambda job: f"{job.error.code}: {job.error.message}" if job.error else "",
    "advice": lambda job: job.error and job.error.advice,
    "cost": _cost,
    "tokens": _tokens,
    "retries": lambda job: job.retry_count or "",
    "created": lambda job: job.created_at,
    "started": lambda job: job.started_at,
    "completed": lambda job: job.completed_at,
    "cancel asked": lambda job: job.cancel_requested_at,
    "Temporal UI": lambda job: job.links.temporal_ui,
}
JOBS = pick(JOB, "job", "type", "status", "progress", "created", "cost")
JOB_TYPES: Columns[JobTypeInfo] = {
    "job type": lambda each: each.name,
    "usually takes": _usual_time,
    "what it does": lambda each: each.title or each.description,
}
