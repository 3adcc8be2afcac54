"""`backburner approvals`: see what waits for a decision, and decide."""

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from backburner.approvals import Approvals
from backburner.cli.output import Output, print_json, print_pairs, print_rows, wants_json
from backburner.cli.session import first, note, talk
from backburner.cli.words_given import text_of
from backburner.client import AsyncBackburner
from backburner.models import Approval
from backburner.words import moment
from jobs.approvals import ApprovalState

STYLES = {
    ApprovalState.OPEN: "cyan",
    ApprovalState.APPROVED: "green",
    ApprovalState.REJECTED: "red",
}

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
KeyArgument = Annotated[
    str | None, typer.Argument(metavar="KEY", help="Which of its approvals, if there are several.")
]
Comment = Annotated[str | None, typer.Option(help="Kept with the decision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="See what waits for a decision, and decide.", no_args_is_help=True)
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("approve")(_approve)
    group.command("reject")(_reject)
    app.add_typer(group, name="approvals")


def _list(
    context: typer.Context,
    state: Annotated[
        ApprovalState | None, typer.Option(help="Only approvals that stand like this.")
    ] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job and its descendants.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 20,
    output: Output = None,
) -> None:
    """Print approvals, open ones first."""

    async def conversation(client: AsyncBackburner) -> list[Approval]:
        pages = client.approvals.list(state=state, job_id=job, page_size=min(limit, 100))
        return await first(pages, limit)

    found = talk(context, conversation)
    if wants_json(output):
        print_json(found)
        return
    columns = ("job", "key", "title", "state", "decide until", "by")
    print_rows(columns, (_row(each) for each in found))


def _show(
    context: typer.Context, job_id: JobArgument, key: KeyArgument = None, output: Output = None
) -> None:
    """Print what is to be approved, and what was decided."""
    _print(talk(context, lambda client: _meant(client.approvals, job_id, key)), output)


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
    wanted = None if edits is None else _read(edits)

    async def conversation(client: AsyncBackburner) -> Approval:
        approval = await _meant(client.approvals, job_id, key)
        _confirm(approval, "Approve" if edits is None else "Approve with these edits", wanted, yes)
        return await client.approvals.approve(approval, comment=comment, edits=wanted)

    _print(talk(context, conversation), output)


def _reject(
    context: typer.Context,
    job_id: JobArgument,
    key: KeyArgument = None,
    comment: Comment = None,
    yes: Yes = False,
    output: Output = None,
) -> None:
    """Show what is to be approved, ask, and reject it."""

    async def conversation(client: AsyncBackburner) -> Approval:
        approval = await _meant(client.approvals, job_id, key)
        _confirm(approval, "Reject", None, yes)
        return await client.approvals.reject(approval, comment=comment)

    _print(talk(context, conversation), output)


async def _meant(approvals: Approvals, job_id: str, key: str | None) -> Approval:
    """Find the approval: by its key, or the only open one of the job and its descendants."""
    if key is not None:
        return await approvals.get(job_id, key)
    found = await first(approvals.list(job_id=job_id, page_size=2), 2)
    opened = [each for each in found if each.state is ApprovalState.OPEN]
    candidates = opened or found
    if not candidates:
        raise typer.BadParameter("the job has asked for no approval", param_hint="JOB")
    if len(candidates) > 1:
        hint = f"several: name one, `backburner approvals list --job {job_id}` shows them"
        raise typer.BadParameter(hint, param_hint="KEY")
    return await approvals.get(candidates[0].job_id, candidates[0].key)


def _confirm(approval: Approval, question: str, edits: Any, yes: bool) -> None:
    """Ask on the terminal, after showing what the answer is about."""
    if yes:
        return
    note(f"{approval.title} (key {approval.key}, job {approval.job_id})", style="bold")
    note(_written(approval.shown))
    if edits is not None:
        note(f"Edits:\n{_written(edits)}")
    typer.confirm(f"{question}?", abort=True, err=True)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _read(edits: str) -> Any:
    try:
        wanted = json.loads(text_of("-" if edits == "-" else f"@{edits}"))
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error}", param_hint="--edits") from None
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--edits") from None
    if wanted is None:
        raise typer.BadParameter("null is no edit", param_hint="--edits")
    return wanted


def _row(approval: Approval) -> tuple[str | Text, ...]:
    return (
        str(approval.job_id),
        approval.key,
        approval.title,
        _state(approval),
        moment(approval.deadline),
        _by(approval),
    )


def _print(approval: Approval, output: Output) -> None:
    if wants_json(output):
        print_json(approval)
        return
    print_pairs(
        {
            "job": str(approval.job_id),
            "key": approval.key,
            "title": approval.title,
            "state": _state(approval),
            "asked": moment(approval.requested_at),
            "decide until": moment(approval.deadline),
            "otherwise": approval.default or "the job fails",
            "editable": "yes" if approval.editable else "",
            "decided": moment(approval.decided_at),
            "by": _by(approval),
            "comment": approval.comment or "",
        }
    )
    print_json(approval.shown)
    if approval.edits is not None:
        note("edits:", style="bold")
        print_json(approval.edits)


def _by(approval: Approval) -> str:
    # "default" is also the name of a tenant.
    return "the deadline" if approval.is_default else approval.decided_by or ""


def _state(approval: Approval) -> Text:
    return Text(str(approval.state), style=STYLES.get(approval.state, ""))
