"""`backburner schedules`: jobs that run by themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backburner._requests import without_none
from backburner._text import local_time
from backburner.cli.arguments import Limit, read_object, read_options, read_pairs
from backburner.cli.connection import call, call_list, note
from backburner.cli.output import (
    Columns,
    Output,
    print_list,
    print_record,
    print_rows,
    status,
)
from backburner.models.schedules import Overlap, Preview, Schedule

Id = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.")]
Note = Annotated[str | None, typer.Option("--note", help="Kept with the schedule.")]
Cron = Annotated[
    list[str] | None,
    typer.Option("--cron", help="minute hour day month weekday, such as '0 9 * * *' (repeatable)."),
]
Every = Annotated[int | None, typer.Option("--every", min=1, help="Seconds between two runs.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Seconds that --every is shifted.")]
Zone = Annotated[str | None, typer.Option("--time-zone", help="Of --cron: an IANA name.")]
OverlapOption = Annotated[
    Overlap | None, typer.Option("--overlap", help="What happens when an earlier job goes on.")
]
Count = Annotated[int, typer.Option("--count", min=1, max=100, help="How many runs.")]


commands = typer.Typer(help="Have jobs run by themselves.", no_args_is_help=True)


@commands.command("list")
def _list(
    context: typer.Context,
    limit: Limit = 50,
    output: Output = None,
) -> None:
    """Print schedules, newest first, with their next run and how the last one ended."""
    found = call_list(context, lambda client, size: client.schedules.list(page_size=size), limit)
    print_list(found, SCHEDULES, output)


@commands.command("create")
def _create(
    context: typer.Context,
    id: Annotated[
        str | None, typer.Argument(metavar="SCHEDULE", help="Your name for it.", show_default=False)
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", help="The whole schedule as JSON: a file, or - for the input."),
    ] = None,
    type: Annotated[str | None, typer.Option("--type", help="The job type.")] = None,
    payload: Annotated[
        str | None, typer.Option("--payload", help="A JSON object, @FILE to read one.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of the jobs.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label of the jobs.")
    ] = None,
    cron: Cron = None,
    every: Every = None,
    offset: Offset = 0,
    time_zone: Zone = None,
    overlap: OverlapOption = None,
    paused: Annotated[bool, typer.Option("--paused", help="Not running yet.")] = False,
    text: Note = None,
    output: Output = None,
) -> None:
    """Make a schedule, from options or from a file."""
    if (file is None) is (type is None):
        raise typer.BadParameter("give either --file or --type", param_hint="--file")
    if file is not None:
        if any((payload, option, label, cron, every, offset, time_zone)):
            raise typer.BadParameter("the file says what runs, and when", param_hint="--file")
        body = read_object(file if file == "-" else f"@{file}")
    else:
        given = read_object("{}" if payload is None else payload)
        job = {"type": type, "payload": given, "labels": read_pairs(label, "--label")}
        job["options"] = read_options(option)
        body = {"job": job, "when": _when(cron, every, offset, time_zone)}
    body |= without_none(id=id, overlap=overlap, note=text, paused=paused or None)
    _print(call(context, lambda client: client.schedules.create_from(body)), output)


@commands.command("show")
def _show(context: typer.Context, id: Id, output: Output = None) -> None:
    """Print a schedule with its next and last runs."""
    _print(call(context, lambda client: client.schedules.get(id)), output)


@commands.command("change")
def _change(
    context: typer.Context,
    id: Id,
    patch: Annotated[
        str,
        typer.Argument(metavar="PATCH", help="What to change, as JSON; @FILE to read it."),
    ],
    output: Output = None,
) -> None:
    """Change a schedule: objects are merged, lists replaced, null restores a default."""
    body = read_object(patch)
    _print(call(context, lambda client: client.schedules.change(id, body)), output)


@commands.command("pause")
def _pause(context: typer.Context, id: Id, text: Note = None, output: Output = None) -> None:
    """Have a schedule start nothing; a job that runs goes on."""
    _print(call(context, lambda client: client.schedules.pause(id, note=text)), output)


@commands.command("resume")
def _resume(context: typer.Context, id: Id, text: Note = None, output: Output = None) -> None:
    """Have a schedule go on from now."""
    _print(call(context, lambda client: client.schedules.resume(id, note=text)), output)


@commands.command("trigger")
def _trigger(
    context: typer.Context, id: Id, overlap: OverlapOption = None, output: Output = None
) -> None:
    """Have a schedule run now, also while it is paused."""
    _print(call(context, lambda client: client.schedules.trigger(id, overlap=overlap)), output)
    note(f"asked for; its jobs: backburner list --label backburner.schedule={id}")


@commands.command("backfill")
def _backfill(
    context: typer.Context,
    id: Id,
    start_at: Annotated[datetime, typer.Option("--from", help="The first time, in UTC.")],
    end_at: Annotated[
        datetime | None, typer.Option("--to", help="The last time, in UTC; now when missing.")
    ] = None,
    overlap: OverlapOption = Overlap.BUFFER_ALL,
    output: Output = None,
) -> None:
    """Have a schedule run for every time in a span of the past that has no job yet."""
    first, last = start_at.replace(tzinfo=UTC), end_at and end_at.replace(tzinfo=UTC)
    times = call(
        context,
        lambda client: client.schedules.backfill(
            id, first, last, overlap=overlap or Overlap.BUFFER_ALL
        ),
    )
    fields: Columns[dict[str, Any]] = {
        "schedule": lambda found: found["schedule_id"],
        "times": lambda found: found["times"],
    }
    print_record({"schedule_id": id, "times": times}, fields, output)


@commands.command("preview")
def _preview(
    context: typer.Context,
    id: Annotated[
        str | None, typer.Argument(metavar="SCHEDULE", help="One that exists.", show_default=False)
    ] = None,
    cron: Cron = None,
    every: Every = None,
    offset: Offset = 0,
    time_zone: Zone = None,
    count: Count = 10,
    output: Output = None,
) -> None:
    """Print the next runs of a schedule, or of times that are only being tried out."""
    tried = _when(cron, every, offset, time_zone)
    if id and tried:
        raise typer.BadParameter("a schedule has times of its own", param_hint="SCHEDULE")
    when = id or tried
    found: Preview = call(context, lambda client: client.schedules.preview(when, count=count))
    if print_record(found, {}, output):
        runs = ((f"{each.at:%F %T}", each.local) for each in found.runs)
        print_rows(("in UTC", found.time_zone), runs)


@commands.command("delete")
def _delete(context: typer.Context, id: Id) -> None:
    """Delete a schedule; its jobs stay."""
    call(context, lambda client: client.schedules.delete(id))
    note(f"deleted {id}; its jobs stay")


def _when(
    cron: list[str] | None, every: int | None, offset: int, time_zone: str | None
) -> dict[str, Any]:
    interval = {"every_seconds": every, "offset_seconds": offset}
    return without_none(
        cron=cron or None, intervals=[interval] if every else None, time_zone=time_zone
    )


def _print(found: Schedule, output: Output) -> None:
    if print_record(found, SCHEDULE, output) and found.last_runs:
        rows = ((run.job_id, run.status, run.scheduled_at) for run in found.last_runs)
        print_rows(("last jobs", "status", "scheduled"), rows)


def _times(found: Schedule) -> str:
    """Say in a few words when a schedule runs."""
    when: Mapping[str, Any] = found.when
    parts = [*when.get("cron", ())]
    parts += [f"every {each['every_seconds']} s" for each in when.get("intervals", ())]
    parts += ["calendar"] * len(when.get("calendars", ()))
    return f"{', '.join(parts)} ({when.get('time_zone', 'UTC')})"


def _next_run(found: Schedule) -> object:
    if found.paused:
        return status("paused")
    return found.next_runs[0] if found.next_runs else "none"


SCHEDULES: Columns[Schedule] = {
    "schedule": lambda each: each.schedule_id,
    "job type": lambda each: each.job.get("type"),
    "when": _times,
    "next run": _next_run,
    "last run": lambda each: each.last_runs[0].status if each.last_runs else "",
    "note": lambda each: each.note,
}
SCHEDULE: Columns[Schedule] = {
    "schedule": lambda each: each.schedule_id,
    "job type": lambda each: each.job.get("type"),
    "when": _times,
    "overlap": lambda each: each.overlap,
    "catch up": lambda each: f"{each.catch_up_seconds} s",
    "runs left": lambda each: each.remaining_runs,
    "paused": lambda each: each.paused,
    "note": lambda each: each.note,
    "next runs": lambda each: "\n".join(map(local_time, each.next_runs[:3])),
    "started": lambda each: each.counts.started,
    "skipped": lambda each: each.counts.skipped or "",
    "missed": lambda each: each.counts.missed or "",
    "waiting": lambda each: each.counts.waiting or "",
}
