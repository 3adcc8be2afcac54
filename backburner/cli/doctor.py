"""`backburner doctor`: say what is missing, and how to mend it."""

import typer
from rich.console import Console
from rich.text import Text

from backburner.cli.checks import Finding, Verdict
from backburner.cli.checkup import examine
from backburner.cli.output import Output, print_json, wants_json
from backburner.cli.session import Exit, address_of
from backburner.words import plain

_STYLES = {Verdict.OK: "green", Verdict.MISSING: "red", Verdict.NOTE: "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(_doctor)


def _doctor(context: typer.Context, output: Output = None) -> None:
    """Check this machine and the gateway; exit 1 when something needed is missing."""
    findings = examine(address_of(context))
    if output is not None and wants_json(output):
        print_json(findings)
    else:
        console = Console(highlight=False)
        for finding in findings:
            console.print(_line(finding), soft_wrap=True)
    if any(finding.verdict is Verdict.MISSING for finding in findings):
        raise typer.Exit(Exit.FAILED)


def _line(finding: Finding) -> Text:
    mend = f" -> {finding.mend}" if finding.mend else ""
    return Text.assemble(
        (f"{finding.verdict:<8}", _STYLES[finding.verdict]),
        (f"{finding.subject}: ", "bold"),
        plain(f"{finding.detail}{mend}"),
    )
