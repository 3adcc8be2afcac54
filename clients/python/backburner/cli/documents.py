"""`backburner documents`: upload files and list them."""

from pathlib import Path
from typing import Annotated

import typer

from backburner._sync.client import Backburner
from backburner._text import size
from backburner.cli.arguments import Limit
from backburner.cli.connection import call, call_list, note
from backburner.cli.output import Columns, Output, print_list
from backburner.models.documents import Document, DocumentState

commands = typer.Typer(help="Upload documents and list them.", no_args_is_help=True)


@commands.command("add")
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

    def upload(client: Backburner) -> None:
        for number, file in enumerate(files, start=1):
            note(f"uploading {number}/{len(files)} {file.name}", style="dim")
            uploaded.extend(client.upload_documents([file]))

    try:
        call(context, upload)
    finally:
        # Also when a later file was refused: these are there, and nobody else knows their ids.
        if uploaded:
            print_list(uploaded, DOCUMENTS, output)


@commands.command("list")
def _list(
    context: typer.Context,
    state: Annotated[
        DocumentState | None, typer.Option(help="Only documents of this processing state.")
    ] = None,
    limit: Limit = 50,
    output: Output = None,
) -> None:
    """Print the uploaded documents, newest first."""
    found = call_list(
        context, lambda client, size: client.documents(state=state, page_size=size), limit
    )
    print_list(found, DOCUMENTS, output)


def _files(path: Path) -> list[Path]:
    """Name the files meant: hidden ones in a folder are not."""
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")
    )


DOCUMENTS: Columns[Document] = {
    "document": lambda each: each.document_id,
    "name": lambda each: each.name,
    "media type": lambda each: each.media_type,
    "size": lambda each: size(each.size_bytes),
    "state": lambda each: each.state,
    "uploaded": lambda each: each.created_at,
}
