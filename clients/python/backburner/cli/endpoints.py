"""`backburner endpoints`: URLs that receive the callbacks of all jobs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from backburner._sync.client import Backburner
from backburner.cli.callbacks import SECRET, Force, OverlapHours, print_callback
from backburner.cli.connection import call, note
from backburner.cli.output import Columns, Output, pick, print_list, print_record
from backburner.models.callbacks import Callback, Endpoint

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.")]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", help="Only this event, such as job.failed; may be repeated."),
]

LOG_HOURS = 90 * 24
"""How long the gateway keeps the log of callbacks."""

commands = typer.Typer(
    help="Manage the URLs that receive the callbacks of all jobs.", no_args_is_help=True
)


@commands.command("add")
def _add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where the POSTs go.")],
    event: Events = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    children: Annotated[
        bool, typer.Option("--children", help="Also for jobs that other jobs started.")
    ] = False,
    output: Output = None,
) -> None:
    """Register a URL and print its signing secret, which is shown only now."""
    endpoint = call(
        context,
        lambda client: client.endpoints.create(
            url, description=description, events=event or (), include_children=children
        ),
    )
    print_record(endpoint, ENDPOINT, output)


@commands.command("list")
def _list(context: typer.Context, output: Output = None) -> None:
    """Print all endpoints, newest first."""
    print_list(call(context, lambda client: client.endpoints.list()), ENDPOINTS, output)


@commands.command("enable")
def _enable(context: typer.Context, endpoint_id: EndpointId, output: Output = None) -> None:
    """Send to an endpoint again; `recover` sends what it missed."""
    changed = call(context, lambda client: client.endpoints.change(endpoint_id, enabled=True))
    print_record(changed, ENDPOINT, output)


@commands.command("disable")
def _disable(context: typer.Context, endpoint_id: EndpointId, output: Output = None) -> None:
    """Stop sending to an endpoint; what is on its way is abandoned."""
    changed = call(context, lambda client: client.endpoints.change(endpoint_id, enabled=False))
    print_record(changed, ENDPOINT, output)


@commands.command("remove")
def _remove(context: typer.Context, endpoint_id: EndpointId) -> None:
    """Delete an endpoint."""
    call(context, lambda client: client.endpoints.delete(endpoint_id))
    note("removed")


@commands.command("rotate-secret")
def _rotate_secret(
    context: typer.Context,
    endpoint_id: EndpointId,
    overlap_hours: OverlapHours = 24,
    force: Force = False,
    output: Output = None,
) -> None:
    """Replace the signing secret and print the new one, which is shown only now."""
    secret = call(
        context,
        lambda client: client.endpoints.rotate_secret(
            endpoint_id, overlap=timedelta(hours=overlap_hours), force=force
        ),
    )
    print_record(secret, SECRET, output)


@commands.command("test")
def _test(context: typer.Context, endpoint_id: EndpointId, output: Output = None) -> None:
    """Send a test and print how the receiver answers."""

    def test(client: Backburner) -> Callback:
        sent = client.endpoints.test(endpoint_id)
        return client.callbacks.wait(sent.callback_id, attempts=1)

    print_callback(call(context, test), output)


@commands.command("recover")
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
    count = call(context, lambda client: client.endpoints.recover(endpoint_id, since))
    note(f"{count} callbacks are sent again")


def _state(endpoint: Endpoint) -> str:
    if not endpoint.enabled:
        return f"disabled ({endpoint.disabled_reason})"
    return "failing" if endpoint.failing_since else "enabled"


ENDPOINT: Columns[Endpoint] = {
    "endpoint": lambda each: each.endpoint_id,
    "url": lambda each: each.url,
    "events": lambda each: each.events or "all",
    "state": _state,
    "failing since": lambda each: each.failing_since,
    "description": lambda each: each.description,
    "secret": lambda each: each.secret,
}
ENDPOINTS = pick(ENDPOINT, "endpoint", "url", "events", "state", "description")
