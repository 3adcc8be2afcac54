"""`backburner schedules`: jobs that run by themselves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from backburner.cli.output import STYLES, Output, print_json, print_pairs, print_rows, wants_json
from backburner.cli.session import first, note, talk
from backburner.cli.submit import read_object
from backburner.cli.words_given import json_or_text, pairs
from backburner.schedules import Preview, Schedule
from backburner.words import moment
from jobs.schedules.model import Overlap

Id = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.")]
Note = Annotated[str | None, typer.Option("--note", help="Kept with the schedule.")]
Cron = Annotated[
    list[str] | None,
    typer.Option("--cron", help="minute hour day month weekday, such as '0 9 * * *' (repeatable)."),
]
Every = Annotated[int | None, typer.Option("--every", min=1, help="Seconds between two runs.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Seconds that --every is shifted.")]
Zone = Annotated[str | None, typer.Option("--time-zone", help="Of --cron: an IANA name.")]
Meeting = Annotated[
    Overlap | None, typer.Option("--overlap", help="What happens when an earlier job goes on.")
]
Count = Annotated[int, typer.Option("--count", min=1, max=100, help="How many runs.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Have jobs run by themselves.", no_args_is_help=True)
    group.command("list")(_list)
    group.command("create")(_create)
    group.command("show")(_show)
    group.command("change")(_change)
    group.command("pause")(_pause)
    group.command("resume")(_resume)
    group.command("trigger")(_trigger)
    group.command("backfill")(_backfill)
    group.command("preview")(_preview)
    group.command("delete")(_delete)
    app.add_typer(group, name="schedules")


def _list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    output: Output = None,
) -> None:
    """Print schedules, newest first, with their next run and how the last one ended."""
    page_size = min(limit, 100)
    found = talk(context, lambda client: first(client.schedules.list(page_size=page_size), limit))
    if wants_json(output):
        print_json(found)
        return
    columns = ("schedule", "job type", "when", "next run", "last run", "note")
    print_rows(columns, (_row(each) for each in found))


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
    overlap: Meeting = None,
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
        job = {"type": type, "payload": given, "labels": pairs(label, "--label")}
        job["options"] = {
            name: json_or_text(value) for name, value in pairs(option, "--option").items()
        }
        body = {"job": job, "when": _when(cron, every, offset, time_zone)}
    body |= _given(id=id, overlap=overlap, note=text, paused=paused or None)
    _print(talk(context, lambda client: client.schedules.create_from(body)), output)


def _show(context: typer.Context, id: Id, output: Output = None) -> None:
    """Print a schedule with its next and last runs."""
    _print(talk(context, lambda client: client.schedules.get(id)), output)


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
    _print(talk(context, lambda client: client.schedules.change(id, body)), output)


def _pause(context: typer.Context, id: Id, text: Note = None, output: Output = None) -> None:
    """Have a schedule start nothing; a job that runs goes on."""
    _print(talk(context, lambda client: client.schedules.pause(id, note=text)), output)


def _resume(context: typer.Context, id: Id, text: Note = None, output: Output = None) -> None:
    """Have a schedule go on from now."""
    _print(talk(context, lambda client: client.schedules.resume(id, note=text)), output)


def _trigger(
    context: typer.Context, id: Id, overlap: Meeting = None, output: Output = None
) -> None:
    """Have a schedule run now, also while it is paused."""
    _print(talk(context, lambda client: client.schedules.trigger(id, overlap=overlap)), output)
    note(f"asked for; its jobs: backburner list --label backburner.schedule={id}")


def _backfill(
    context: typer.Context,
    id: Id,
    start_at: Annotated[datetime, typer.Option("--from", help="The first moment, in UTC.")],
    end_at: Annotated[
        datetime | None, typer.Option("--to", help="The last moment, in UTC; now when missing.")
    ] = None,
    overlap: Meeting = Overlap.BUFFER_ALL,
    output: Output = None,
) -> None:
    """Have a schedule run for every time in a span of the past that has no job yet."""
    first, last = start_at.replace(tzinfo=UTC), end_at and end_at.replace(tzinfo=UTC)
    times = talk(
        context,
        lambda client: client.schedules.backfill(
            id, first, last, overlap=overlap or Overlap.BUFFER_ALL
        ),
    )
    if wants_json(output):
        print_json({"schedule_id": id, "times": times})
    else:
        print_pairs({"schedule": id, "times": str(times)})


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
    found: Preview = talk(context, lambda client: client.schedules.preview(when, count=count))
    if wants_json(output):
        print_json(found)
    else:
        print_rows(
            ("in UTC", found.time_zone), ((f"{each.at:%F %T}", each.local) for each in found.runs)
        )


def _delete(context: typer.Context, id: Id) -> None:
    """Delete a schedule; its jobs stay."""
    talk(context, lambda client: client.schedules.delete(id))
    note(f"deleted {id}; its jobs stay")


def _when(
    cron: list[str] | None, every: int | None, offset: int, time_zone: str | None
) -> dict[str, Any]:
    interval = {"every_seconds": every, "offset_seconds": offset}
    return _given(cron=cron or None, intervals=[interval] if every else None, time_zone=time_zone)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _print(found: Schedule, output: Output) -> None:
    if wants_json(output):
        print_json(found)
        return
    print_pairs(
        {
            "schedule": found.schedule_id,
            "job type": found.job.get("type", ""),
            "when": _words(found.when),
            "overlap": found.overlap,
            "catch up": f"{found.catch_up_seconds} s",
            "runs left": "" if found.remaining_runs is None else str(found.remaining_runs),
            "paused": Text("yes", style="yellow") if found.paused else "",
            "note": found.note or "",
            "next runs": "\n".join(map(moment, found.next_runs[:3])),
            "started": str(found.counts.started),
            "skipped": str(found.counts.skipped or ""),
            "missed": str(found.counts.missed or ""),
            "waiting": str(found.counts.waiting or ""),
        }
    )
    if found.last_runs:
        rows = (
            (str(run.job_id), Text(str(run.status), style=STYLES.get(run.status, "")),
             moment(run.scheduled_at))
            for run in found.last_runs
        )  # fmt: skip
        print_rows(("last jobs", "status", "scheduled"), rows)


def _row(found: Schedule) -> Sequence[str | Text]:
    last = found.last_runs[0] if found.last_runs else None
    upcoming = moment(found.next_runs[0]) if found.next_runs else "none"
    status = Text(str(last.status), style=STYLES.get(last.status, "")) if last else ""
    return (
        found.schedule_id,
        found.job.get("type", ""),
        _words(found.when),
        Text("paused", style="yellow") if found.paused else upcoming,
        status,
        found.note or "",
    )


def _words(when: Mapping[str, Any]) -> str:
    """Say in a few words when a schedule runs."""
    parts = [*when.get("cron", ())]
    parts += [f"every {each['every_seconds']} s" for each in when.get("intervals", ())]
    parts += ["calendar"] * len(when.get("calendars", ()))
    zone = when.get("time_zone", "UTC")
    return f"{', '.join(parts)} ({zone})"
