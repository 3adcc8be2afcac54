"""Commands that look at jobs: `get`, `list`, `watch`, `result`, `job-types`."""

from datetime import timedelta
from typing import Annotated

import typer

from backburner.cli.output import (
    Output,
    print_job,
    print_jobs,
    print_json,
    print_rows,
    wants_json,
)
from backburner.cli.session import first, leave_as, talk
from backburner.cli.watching import Timeout, watched
from backburner.cli.words_given import pairs
from backburner.client import AsyncBackburner
from backburner.models import Job, JobTypeInfo
from backburner.words import span
from jobs.status import JobStatus

JobIdArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("get")(_get)
    app.command("list")(_list)
    app.command("watch")(_watch)
    app.command("result")(_result)
    app.command("job-types")(_job_types)


def _get(context: typer.Context, job_id: JobIdArgument, output: Output = None) -> None:
    """Print a job as it stands."""
    print_job(talk(context, lambda client: client.get(job_id)), output)


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
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 20,
    output: Output = None,
) -> None:
    """Print jobs, newest first."""
    labels = pairs(label, "--label")

    async def conversation(client: AsyncBackburner) -> list[Job]:
        pages = client.jobs(
            status=status,
            type=type,
            labels=labels,
            parent=parent,
            root=root,
            page_size=min(limit, 100),
        )
        return await first(pages, limit)

    print_jobs(talk(context, conversation), output)


def _watch(
    context: typer.Context, job_id: JobIdArgument, timeout: Timeout = None, output: Output = None
) -> None:
    """Follow a job to its end and print how it ended. Ctrl-C detaches; the job goes on."""
    job = talk(context, lambda client: watched(client, job_id, timeout))
    print_job(job, output)
    leave_as(job)


def _result(context: typer.Context, job_id: JobIdArgument) -> None:
    """Print a job's output, always as JSON."""
    print_json(talk(context, lambda client: client.result(job_id)))


def _job_types(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this one, with its schemas.")] = None,
    output: Output = None,
) -> None:
    """Print what kinds of jobs the gateway accepts."""
    if name is not None:
        print_json(talk(context, lambda client: client.job_type(name)))
        return
    found = talk(context, lambda client: client.job_types())
    if wants_json(output):
        print_json(found)
        return
    rows = ((each.name, _usually(each), each.title or each.description) for each in found)
    print_rows(("job type", "usually takes", "what it does"), rows)


def _usually(job_type: JobTypeInfo) -> str:
    seconds = job_type.expected_seconds
    return "" if seconds is None else span(timedelta(seconds=seconds))
