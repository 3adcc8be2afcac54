"""`backburner endpoints`: URLs that are told of all jobs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from backburner.callbacks import Callback, Endpoint
from backburner.cli.callbacks import Force, OverlapHours, print_callback, print_secret
from backburner.cli.output import Output, print_json, print_pairs, print_rows, wants_json
from backburner.cli.session import note, talk
from backburner.client import AsyncBackburner
from backburner.words import moment

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.")]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", help="Only this event, such as job.failed; may be repeated."),
]

LOG_HOURS = 90 * 24
"""How long the gateway remembers what it told whom."""


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Manage the URLs that are told of all jobs.", no_args_is_help=True)
    group.command("add")(_add)
    group.command("list")(_list)
    group.command("enable")(_enable)
    group.command("disable")(_disable)
    group.command("remove")(_remove)
    group.command("rotate-secret")(_rotate_secret)
    group.command("test")(_test)
    group.command("recover")(_recover)
    app.add_typer(group, name="endpoints")


def _add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where the POSTs go.")],
    event: Events = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    children: Annotated[
        bool, typer.Option("--children", help="Tell of jobs that other jobs started, too.")
    ] = False,
    output: Output = None,
) -> None:
    """Register a URL and print its signing secret, which is shown only now."""
    endpoint = talk(
        context,
        lambda client: client.endpoints.create(
            url, description=description, events=event or (), include_children=children
        ),
    )
    _print(endpoint, output)


def _list(context: typer.Context, output: Output = None) -> None:
    """Print all endpoints, newest first."""
    found = talk(context, lambda client: client.endpoints.list())
    if wants_json(output):
        print_json(found)
        return
    columns = ("endpoint", "url", "events", "state", "description")
    print_rows(
        columns,
        (
            (
                str(each.endpoint_id),
                each.url,
                ", ".join(each.events) or "all",
                _state(each),
                each.description,
            )
            for each in found
        ),
    )


def _enable(context: typer.Context, endpoint_id: EndpointId, output: Output = None) -> None:
    """Have an endpoint told again; `recover` sends what it missed."""
    changed = talk(context, lambda client: client.endpoints.change(endpoint_id, enabled=True))
    _print(changed, output)


def _disable(context: typer.Context, endpoint_id: EndpointId, output: Output = None) -> None:
    """Stop telling an endpoint; what is on its way is abandoned."""
    changed = talk(context, lambda client: client.endpoints.change(endpoint_id, enabled=False))
    _print(changed, output)


def _remove(context: typer.Context, endpoint_id: EndpointId) -> None:
    """Delete an endpoint."""
    talk(context, lambda client: client.endpoints.delete(endpoint_id))
    note("removed")


def _rotate_secret(
    context: typer.Context,
    endpoint_id: EndpointId,
    overlap_hours: OverlapHours = 24,
    force: Force = False,
    output: Output = None,
) -> None:
    """Replace the signing secret and print the new one, which is shown only now."""
    secret = talk(
        context,
        lambda client: client.endpoints.rotate_secret(
            endpoint_id, overlap=timedelta(hours=overlap_hours), force=force
        ),
    )
    print_secret(secret, output)


def _test(context: typer.Context, endpoint_id: EndpointId, output: Output = None) -> None:
    """Send a test and print how the receiver answers."""

    async def conversation(client: AsyncBackburner) -> Callback:
        sent = await client.endpoints.test(endpoint_id)
        return await client.callbacks.wait(sent.callback_id, attempts=1)

    print_callback(talk(context, conversation), output)


def _recover(
    context: typer.Context,
    endpoint_id: EndpointId,
    hours: Annotated[
        float,
        typer.Option(min=0, max=LOG_HOURS, help="Send what happened in the last so many hours."),
    ] = 24,
) -> None:
    """Send again what an endpoint missed."""
    since = datetime.now(UTC) - timedelta(hours=hours)
    count = talk(context, lambda client: client.endpoints.recover(endpoint_id, since))
    note(f"{count} callbacks are sent again")


def _print(endpoint: Endpoint, output: Output) -> None:
    if wants_json(output):
        print_json(endpoint)
        return
    print_pairs(
        {
            "endpoint": str(endpoint.endpoint_id),
            "url": endpoint.url,
            "events": ", ".join(endpoint.events) or "all",
            "state": _state(endpoint),
            "failing since": moment(endpoint.failing_since),
            "description": endpoint.description,
            "secret": endpoint.secret or "",
        }
    )


def _state(endpoint: Endpoint) -> str:
    if not endpoint.enabled:
        return f"disabled ({endpoint.disabled_reason})"
    return "failing" if endpoint.failing_since else "enabled"
