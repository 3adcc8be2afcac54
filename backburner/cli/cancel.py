"""`backburner cancel`: ask for a job's end."""

from typing import Annotated

import typer

from backburner.cli.output import Output, print_job
from backburner.cli.session import note, talk


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cancel")(_cancel)


def _cancel(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    reason: Annotated[str | None, typer.Option(help="Kept with the job.")] = None,
    output: Output = None,
) -> None:
    """Cancel a job; one that has ended is left as it is."""
    job = talk(context, lambda client: client.cancel(job_id, reason=reason))
    print_job(job, output)
    if not job.status.is_terminal:
        note(f"asked for; see it end: backburner watch {job.job_id}")
