"""`backburner approvals`: see what waits for a decision, and decide."""

import json
from typing import Annotated, Any

import typer

from backburner._sync.client import Backburner
from backburner.cli.arguments import JobArgument, Limit, read_json
from backburner.cli.connection import call, call_list, note
from backburner.cli.output import Columns, Output, pick, print_json, print_list, print_record
from backburner.models.approvals import Approval, ApprovalState

KeyArgument = Annotated[
    str | None, typer.Argument(metavar="KEY", help="Which of its approvals, if there are several.")
]
Comment = Annotated[str | None, typer.Option(help="Kept with the decision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

commands = typer.Typer(help="See what waits for a decision, and decide.", no_args_is_help=True)


@commands.command("list")
def _list(
    context: typer.Context,
    state: Annotated[
        ApprovalState | None, typer.Option(help="Only approvals of this state.")
    ] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job and its descendants.")] = None,
    limit: Limit = 20,
    output: Output = None,
) -> None:
    """Print approvals, open ones first."""
    found = call_list(
        context,
        lambda client, size: client.approvals.list(state=state, job_id=job, page_size=size),
        limit,
    )
    print_list(found, APPROVALS, output)


@commands.command("show")
def _show(
    context: typer.Context, job_id: JobArgument, key: KeyArgument = None, output: Output = None
) -> None:
    """Print what is to be approved, and what was decided."""
    _print(call(context, lambda client: _find(client, job_id, key)), output)


@commands.command("approve")
def _approve(
    context: typer.Context,
    job_id: JobArgument,
    key: KeyArgument = None,
    comment: Comment = None,
    edits: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="JSON that is wanted instead; - for the input."),
    ] = None,
    yes: Yes = False,
    output: Output = None,
) -> None:
    """Show what is to be approved, ask, and approve it."""
    if edits == "-" and not yes:
        raise typer.BadParameter(
            "- leaves no input to ask for a yes: add --yes", param_hint="--edits"
        )
    wanted = None if edits is None else _read_edits(edits)

    def approve(client: Backburner) -> Approval:
        approval = _find(client, job_id, key)
        _confirm(approval, "Approve" if edits is None else "Approve with these edits", wanted, yes)
        return client.approvals.approve(approval, comment=comment, edits=wanted)

    _print(call(context, approve), output)


@commands.command("reject")
def _reject(
    context: typer.Context,
    job_id: JobArgument,
    key: KeyArgument = None,
    comment: Comment = None,
    yes: Yes = False,
    output: Output = None,
) -> None:
    """Show what is to be approved, ask, and reject it."""

    def reject(client: Backburner) -> Approval:
        approval = _find(client, job_id, key)
        _confirm(approval, "Reject", None, yes)
        return client.approvals.reject(approval, comment=comment)

    _print(call(context, reject), output)


def _find(client: Backburner, job_id: str, key: str | None) -> Approval:
    """Find the approval: by its key, or the only open one of the job and its descendants."""
    if key is not None:
        return client.approvals.get(job_id, key)
    pages = client.approvals.list(job_id=job_id, page_size=2)
    found = [each for each, _ in zip(pages, range(2), strict=False)]
    candidates = [each for each in found if each.state is ApprovalState.OPEN] or found
    if not candidates:
        raise typer.BadParameter("the job has asked for no approval", param_hint="JOB")
    if len(candidates) > 1:
        hint = f"several: name one, `backburner approvals list --job {job_id}` shows them"
        raise typer.BadParameter(hint, param_hint="KEY")
    return client.approvals.get(candidates[0].job_id, candidates[0].key)


def _confirm(approval: Approval, question: str, edits: Any, yes: bool) -> None:
    """Ask on the terminal, after showing what the answer is about."""
    if yes:
        return
    note(f"{approval.title} (key {approval.key}, job {approval.job_id})", style="bold")
    note(_indented(approval.shown))
    if edits is not None:
        note(f"Edits:\n{_indented(edits)}")
    typer.confirm(f"{question}?", abort=True, err=True)


def _indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _read_edits(edits: str) -> Any:
    wanted = read_json("-" if edits == "-" else f"@{edits}", "--edits")
    if wanted is None:
        raise typer.BadParameter("null is no edit", param_hint="--edits")
    return wanted


def _print(approval: Approval, output: Output) -> None:
    if not print_record(approval, APPROVAL, output):
        return
    print_json(approval.shown)
    if approval.edits is not None:
        note("edits:", style="bold")
        print_json(approval.edits)


def _by(approval: Approval) -> str | None:
    # "default" is also the name of a tenant.
    return "the deadline" if approval.is_default else approval.decided_by


APPROVAL: Columns[Approval] = {
    "job": lambda each: each.job_id,
    "key": lambda each: each.key,
    "title": lambda each: each.title,
    "state": lambda each: each.state,
    "asked": lambda each: each.requested_at,
    "decide until": lambda each: each.deadline,
    "otherwise": lambda each: each.default or "the job fails",
    "editable": lambda each: each.editable,
    "decided": lambda each: each.decided_at,
    "by": _by,
    "comment": lambda each: each.comment,
}
APPROVALS = pick(APPROVAL, "job", "key", "title", "state", "decide until", "by")
