"""`backburner channels`: where people can be notified."""

from typing import Annotated

import typer

from backburner._sync.client import Backburner
from backburner.cli.callbacks import print_callback
from backburner.cli.connection import Exit, call
from backburner.cli.output import Columns, Output, print_list
from backburner.models.callbacks import Callback, Channel, DeliveryStatus

commands = typer.Typer(help="See the channels for notifications.", no_args_is_help=True)


@commands.command("list")
def _list(context: typer.Context, output: Output = None) -> None:
    """Print the channels that jobs may name."""
    print_list(call(context, lambda client: client.channels.list()), CHANNELS, output)


@commands.command("test")
def _test(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name.")],
    to: Annotated[
        list[str] | None, typer.Option(help="Send it there instead; may be repeated.")
    ] = None,
    output: Output = None,
) -> None:
    """Send a test and print how that goes; the status is 1 unless it arrived."""

    def test(client: Backburner) -> Callback:
        sent = client.channels.test(name, to=to or ())
        return client.callbacks.wait(sent.callback_id, attempts=1)

    found = call(context, test)
    print_callback(found, output)
    if found.status is not DeliveryStatus.DELIVERED:
        raise typer.Exit(Exit.FAILED)


CHANNELS: Columns[Channel] = {
    "channel": lambda each: each.name,
    "type": lambda each: each.type,
    "tells of": lambda each: each.on,
    "sends to": lambda each: [f"@{domain}" for domain in each.domains],
    "description": lambda each: each.description,
}
