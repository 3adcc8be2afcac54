"""`backburner doctor`: say what is missing, and how to mend it.

Packages that add commands may add checks too: the server's installation checks what a local stack
needs.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import httpx2
import typer
from rich.console import Console
from rich.text import Text

from backburner._sync.client import Backburner
from backburner._text import plain
from backburner.cli.connection import Exit, address_of
from backburner.cli.output import Output, print_json, wants_json
from backburner.errors import ApiError, BackburnerError


class Verdict(StrEnum):
    """Result of a check: `missing` is needed, a `note` is not."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do."""

    verdict: Verdict
    subject: str
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class Gateway:
    """The gateway that was looked for.

    Attributes:
        is_local: Whether its address is on this machine.
        is_up: Whether it answers.
    """

    url: httpx2.URL
    is_local: bool
    is_up: bool


MoreChecks = Callable[[Gateway], Iterable[Finding]]

more_checks: list[MoreChecks] = []
"""Checks that other packages add."""

_STYLES = {Verdict.OK: "green", Verdict.MISSING: "red", Verdict.NOTE: "yellow"}

commands = typer.Typer()


@commands.command("doctor")
def _doctor(context: typer.Context, output: Output = None) -> None:
    """Check this machine and the gateway; exit 1 when something needed is missing."""
    with address_of(context).client(Backburner) as client:
        findings = list(_examine(client))
    if output is not None and wants_json(output):
        print_json(findings)
    else:
        console = Console(highlight=False)
        for finding in findings:
            console.print(_line(finding), soft_wrap=True)
    if any(finding.verdict is Verdict.MISSING for finding in findings):
        raise typer.Exit(Exit.FAILED)


def ok(subject: str, detail: str) -> Finding:
    """Report that something is as it should be."""
    return Finding(Verdict.OK, subject, detail)


def lacking(subject: str, detail: str, mend: str, *, needed: bool = True) -> Finding:
    """Report that something is not as it should be."""
    return Finding(Verdict.MISSING if needed else Verdict.NOTE, subject, detail, mend)


def _examine(client: Backburner) -> Iterator[Finding]:
    yield ok("Python", platform.python_version())
    url = httpx2.URL(client.base_url)
    is_local = url.host in ("127.0.0.1", "localhost", "::1")
    try:
        client.ping()
    except BackburnerError as error:
        is_up = False
        mend = "start one with `backburner up` or set BACKBURNER_URL"
        yield lacking("Gateway", str(error), mend, needed=not is_local)
    else:
        is_up = True
        yield ok("Gateway", f"{client.base_url} answers")
        yield _readiness(client)
        yield _token(client)
    for check in more_checks:
        yield from check(Gateway(url, is_local, is_up))


def _readiness(client: Backburner) -> Finding:
    try:
        client.check_ready()
    except BackburnerError as error:
        advice = "start what does not answer; the gateway's log says why it does not"
        return lacking("Readiness", str(error), advice)
    return ok("Readiness", "Postgres, Temporal and the object store answer")


def _token(client: Backburner) -> Finding:
    try:
        client.job_types()
    except BackburnerError as error:
        advice = error.advice if isinstance(error, ApiError) else ""
        return lacking("Token", str(error), advice or "set BACKBURNER_TOKEN")
    return ok("Token", "accepted, or not needed")


def _line(finding: Finding) -> Text:
    mend = f" -> {finding.mend}" if finding.mend else ""
    return Text.assemble(
        (f"{finding.verdict:<8}", _STYLES[finding.verdict]),
        (f"{finding.subject}: ", "bold"),
        plain(f"{finding.detail}{mend}"),
    )
