"""`backburner documents`: upload files and list them."""

from pathlib import Path
from typing import Annotated

import typer

from backburner.cli.output import Output, print_json, print_rows, wants_json
from backburner.cli.session import first, note, talk
from backburner.client import AsyncBackburner
from backburner.models import Document
from backburner.words import moment, size
from jobs.library import DocumentState


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Upload documents and list them.", no_args_is_help=True)
    group.command("add")(_add)
    group.command("list")(_list)
    app.add_typer(group, name="documents")


def _add(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", exists=True, help="Files; of a folder, the files directly in it."
        ),
    ],
    output: Output = None,
) -> None:
    """Upload documents and print their ids."""
    files = [file for path in paths for file in _files(path)]
    if not files:
        raise typer.BadParameter("no file found", param_hint="FILE…")

    uploaded: list[Document] = []

    async def conversation(client: AsyncBackburner) -> None:
        for number, file in enumerate(files, start=1):
            note(f"uploading {number}/{len(files)} {file.name}", style="dim")
            uploaded.extend(await client.upload_documents([file]))

    try:
        talk(context, conversation)
    finally:
        # Also when a later file was refused: these are there, and nobody else knows their ids.
        if uploaded:
            _print(uploaded, output)


def _list(
    context: typer.Context,
    state: Annotated[
        DocumentState | None, typer.Option(help="Only documents of this processing state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    output: Output = None,
) -> None:
    """Print the uploaded documents, newest first."""
    page_size = min(limit, 100)
    found = talk(
        context, lambda client: first(client.documents(state=state, page_size=page_size), limit)
    )
    _print(found, output)


def _files(path: Path) -> list[Path]:
    """Name the files meant: hidden ones in a folder are not."""
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")
    )


def _print(documents: list[Document], output: Output) -> None:
    if wants_json(output):
        print_json(documents)
        return
    columns = ("document", "name", "media type", "size", "state", "uploaded")
    rows = (
        (
            str(each.document_id),
            each.name,
            each.media_type,
            size(each.size_bytes),
            each.state,
            moment(each.created_at),
        )
        for each in documents
    )
    print_rows(columns, rows)
