"""`backburner channels`: where people can be told of jobs."""

from typing import Annotated

import typer

from backburner.callbacks import Callback
from backburner.cli.callbacks import print_callback
from backburner.cli.output import Output, print_json, print_rows, wants_json
from backburner.cli.session import talk
from backburner.client import AsyncBackburner
from jobs.callbacks import DeliveryStatus


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="See where people can be told of jobs.", no_args_is_help=True)
    group.command("list")(_list)
    group.command("test")(_test)
    app.add_typer(group, name="channels")


def _list(context: typer.Context, output: Output = None) -> None:
    """Print the channels that jobs may name."""
    found = talk(context, lambda client: client.channels.list())
    if wants_json(output):
        print_json(found)
        return
    columns = ("channel", "type", "tells of", "sends to", "description")
    rows = (
        (
            each.name,
            each.type,
            ", ".join(each.on),
            ", ".join(f"@{domain}" for domain in each.domains),
            each.description,
        )
        for each in found
    )
    print_rows(columns, rows)


def _test(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name.")],
    to: Annotated[
        list[str] | None, typer.Option(help="Send it there instead; may be repeated.")
    ] = None,
    output: Output = None,
) -> None:
    """Send a test and print how that goes; the status is 1 unless it arrived."""

    async def conversation(client: AsyncBackburner) -> Callback:
        sent = await client.channels.test(name, to=to or ())
        return await client.callbacks.wait(sent.callback_id, attempts=1)

    found = talk(context, conversation)
    print_callback(found, output)
    if found.status is not DeliveryStatus.DELIVERED:
        raise typer.Exit(1)
