"""`backburner estimate`: what a job will probably take."""

from datetime import timedelta
from typing import Annotated

import typer

from backburner.cli.output import Output, print_json, print_pairs, wants_json
from backburner.cli.session import note, talk
from backburner.cli.submit import Payload, read_object
from backburner.models import Estimate
from backburner.words import money, span


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("estimate")(_estimate)


def _estimate(
    context: typer.Context,
    type: Annotated[str, typer.Argument(help="The job type; `backburner job-types` lists them.")],
    payload: Payload = "{}",
    picture: Annotated[
        bool, typer.Option("--picture", help="Print the Mermaid text of the job instead.")
    ] = False,
    output: Output = None,
) -> None:
    """Check a job without starting it, and print what it will probably take and cost."""
    body = read_object(payload)
    found = talk(context, lambda client: client.estimate(type, body))
    if picture:
        typer.echo(found.mermaid)
    elif wants_json(output):
        print_json(found)
    else:
        print_pairs(_pairs(found))
        for each in found.unknown:
            note(f"not counted, at {each.pointer}: {each.detail}")


def _pairs(found: Estimate) -> dict[str, str]:
    late = span(timedelta(seconds=found.late_seconds))
    usd = found.usd
    return {
        "type": found.type,
        "jobs": str(found.jobs),
        "takes": f"about {span(timedelta(seconds=found.typical_seconds))}, seldom over {late}",
        "costs": "unknown" if usd.typical is None else f"about {money(usd.typical)}",
        "seldom under": money(usd.low) if usd.low is not None else "",
        "seldom over": money(usd.high) if usd.high is not None else "",
    }
